// Records as the origin made them, of the bundled articles.
import { readFileSync } from 'node:fs';

export const profile = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
export const model = 'anthropic.claude-haiku-4-5-20251001-v1:0';

const system = 'You are a technical blog summary expert. Answer with one JSON object with the keys title_en, summary_ja and summary_en.';

const articles = readFileSync(new URL('../../examples/articles.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

function text(i) {
  const article = articles[i % articles.length];
  return `Title: ${article.title}\n\nArticle:\n${article.content.slice(0, 50_000)}`;
}

export function anthropic(i) {
  return {
    anthropic_version: 'bedrock-2023-05-31',
    max_tokens: 4096,
    temperature: 0.1,
    system,
    messages: [{ role: 'user', content: text(i) }],
  };
}

export function converse(i) {
  return {
    system: [{ text: system }],
    messages: [{ role: 'user', content: [{ text: text(i) }] }],
    inferenceConfig: { maxTokens: 4096, temperature: 0.1 },
  };
}

// records gives n of them, from the given number on; their order is that of their ids.
export function records(n, body = anthropic, from = 0) {
  return Array.from({ length: n }, (_, i) => ({
    recordId: `doc-${String(from + i).padStart(5, '0')}`,
    modelInput: body(from + i),
  }));
}

export const jsonl = (list) => list.map((r) => JSON.stringify(r) + '\n').join('');
