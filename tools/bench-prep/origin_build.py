"""Article preparation as it is commonly written by hand: one Python process, BeautifulSoup, one line after the other.

usage: origin_build.py ARTICLES.jsonl OUT.jsonl
"""
import json
import re
import sys

from bs4 import BeautifulSoup

SYSTEM = "You are a technical blog summary expert. From articles make summaries in Japanese and English, as JSON."
CAP = 50000


def clean_text(content):
    text = BeautifulSoup(content, "html.parser").get_text()
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text).strip()
    return text[:CAP]


def record(article):
    text = clean_text(article["content"])
    return {
        "recordId": article["id"],
        "modelInput": {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 4096,
            "temperature": 0.1,
            "system": SYSTEM,
            "messages": [{"role": "user", "content": f"Title: {article['title']}\n\nArticle:\n{text}"}],
        },
    }


def main():
    with open(sys.argv[1], encoding="utf-8") as articles, open(sys.argv[2], "w", encoding="utf-8") as out:
        for line in articles:
            out.write(json.dumps(record(json.loads(line)), ensure_ascii=False) + "\n")


main()
