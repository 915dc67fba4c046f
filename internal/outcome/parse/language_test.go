package parse_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"quarry"
	"quarry/internal/outcome/parse"
	"quarry/internal/testdata"
)

// language checks one text as the member that its suffix names.
func language(t *testing.T, c *parse.Checker, member, text string) quarry.Class {
	t.Helper()
	b, err := json.Marshal(map[string]string{member: text})
	if err != nil {
		t.Fatal(err)
	}
	return c.Check(parse.Answer{Text: string(b), Model: claude}).Class
}

func TestLanguagesAreDetectedByScript(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(`{}`)})
	const ok, wrong = quarry.ClassOK, quarry.ClassWrongLanguage
	for _, tt := range []struct {
		text   string
		ja, en quarry.Class
	}{
		// Titles of real articles, and what models make of them.
		{"Node.jsでHello World", ok, ok}, // between the two, so neither refuses it
		{"XLA 用の MLIR CodeGen", ok, ok},
		{"サーバ用 React DOM API", ok, ok},
		{"Clean ArchitectureとBuilding Evolutionary Architecturesを読んだ", ok, ok},
		{"Windows: Windowsに'XDG Base Directory'を導入する", ok, wrong},
		{"略語は括弧の中 or 前? Open Source Software(OSS) or OSS(Open Source Software)", ok, ok},
		{"Hello, 中国!", ok, ok},
		{"Bitcoin Optech Newsletter #366", wrong, ok},
		{"constexpr if 文 [P0292R2]", wrong, ok},
		{"The Meaning of 「本音」 and 「建前」", ok, ok},
		{"概要", ok, wrong},
		{"導入手順", ok, wrong},
		{"ﾊﾝｶｸｶﾅ ﾀﾞｹ", ok, wrong},
		{"0.90", wrong, ok},
		{"vector::push_back", wrong, ok},
		{"Über naïve Größen: l’été", wrong, ok},
		// Summaries.
		{"React、TypeScript、Next.js、Vercel、Tailwind CSSを用いたSSRの実装方法を解説する。", ok, wrong},
		{"AWS Lambda、Amazon S3、Amazon DynamoDB、Amazon API Gateway、AWS CDK、CloudWatch Logs を使う。", ok, ok},
		{"This article explains the rules of a linter that is made for texts in Japanese, as である.", wrong, ok},
		{"This article explains how to use the Japanese text linter, whose rules forbid ですます and である in one document.", ok, ok},
		{"本文介绍了如何使用批量推理来降低大规模文档处理的成本，并比较了不同的方案。", wrong, wrong},
		{"이 문서는 일괄 추론을 설명합니다.", wrong, wrong},
		{"Эта статья объясняет пакетный вывод.", wrong, wrong},
		{"The value of π and σ decides.", wrong, ok},
		{"👍👍", wrong, ok},
		{"ーー・・", wrong, ok},
	} {
		if got := language(t, c, "x_ja", tt.text); got != tt.ja {
			t.Errorf("%q as Japanese is %s, want %s", tt.text, got, tt.ja)
		}
		if got := language(t, c, "x_en", tt.text); got != tt.en {
			t.Errorf("%q as English is %s, want %s", tt.text, got, tt.en)
		}
	}
}

// The titles of the bundled articles: an English one is never refused as English nor taken for Japanese, and a
// Japanese one, as far as it is in Japanese characters at all, never refused as Japanese.
func TestLanguagesOfRealTitlesAreDetected(t *testing.T) {
	t.Parallel()
	f, err := os.Open(testdata.Path(t, "sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := checker(t, parse.Config{Schema: []byte(`{}`)})
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 32<<20)
	n, taken := 0, 0
	for lines.Scan() {
		var a struct{ Title, Lang string }
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		n++
		ja, en := language(t, c, "x_ja", a.Title), language(t, c, "x_en", a.Title)
		switch {
		case a.Lang == "en" && (en != quarry.ClassOK || ja == quarry.ClassOK):
			t.Errorf("English title %q: as English %s, as Japanese %s", a.Title, en, ja)
		case ja != quarry.ClassOK && en != quarry.ClassOK:
			t.Errorf("title %q is taken for neither language", a.Title)
		case a.Lang == "ja" && ja == quarry.ClassOK && en != quarry.ClassOK:
			taken++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if n != 100 || taken < 15 {
		t.Errorf("%d titles, %d detected as Japanese; want 100 and at least 15", n, taken)
	}
}
