package clean_test

import (
	"testing"

	"quarry/internal/prepare/clean"
)

// TestMDX: statements, expressions and components go; sentences that begin with the same words stay.
func TestMDX(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"an import over several lines", "import {\n  Foo,\n  Bar,\n} from '@site/src/components/Foo';\n\n# Hello", "# Hello"},
		{"an export with an empty line", "export const info = {\n  author: 'x',\n\n  modified: new Date('2025-01-27')\n}\n\n# Hello", "# Hello"},
		{"imports of all kinds", "import './a.css'\nimport X from './x'\nimport * as Y from \"y\";\nimport Z, {a as b} from 'z'\nimport type {T} from 't'\nimport data from './d.json' with {type: 'json'}\nimport {q} from 'q' // why\n\nText.", "Text."},
		{"exports of all kinds", "export {a, b}\nexport {c} from 'c'\nexport * from 'd'\nexport * as e from 'e'\nexport let f = 1\nexport const {g, h} = props\nexport default Layout\nexport const i: string = 'x'\n\nText.", "Text."},
		{"functions", "export function Thing({a}) {\n  if (a) {\n    return <p>Don't</p>\n  }\n\n  return 'x'\n}\n\nexport default function () {\n  return 1\n}\n\nexport async function f() {}\n\nexport class A extends B {\n  x = 1\n}\n\nText.", "Text."},
		{"a layout", "export default ({children}) => (\n  <main>\n    {children}\n\n  </main>\n)\n\nText.", "Text."},
		{"a component in one expression", "export const Highlight = ({children, color}) => (\n  <span style={{color: color}}>\n    {children}\n  </span>\n);\n\nText with <Highlight color=\"#1877F2\">words</Highlight>.", "Text with words."},
		{"a chain", "export const a = [1, 2]\n  .map(x => x + 1)\n  .filter(Boolean)\n\nText.", "Text."},
		{"brackets in strings, templates and comments", "export const a = {\n  b: '}',\n  c: `)\n  }`, // }\n  /* ] */ d: \"{\"\n}\n\nText.", "Text."},
		{"statements before text without an empty line", "import X from './x'\n# Hello\n\nexport const y = 1\nText.", "# Hello\n\nText."},
		{"a sentence about export", "export default is one keyword.", "export default is one keyword."},
		{"a sentence about import", "import of goods is text, from 'abroad' too", "import of goods is text, from 'abroad' too"},
		{"a sentence about functions", "export function is a keyword (and more) {in braces}.", "export function is a keyword (and more) {in braces}."},
		{"a sentence about constants", "export const can be used\nwith braces.", "export const can be used with braces."},
		{"a sentence about a class", "export default classes are nice.", "export default classes are nice."},
		{"a word that only begins so", "exported goods and importers.\n\nimportant = {\n\nyes", "exported goods and importers.\n\nimportant = {\n\nyes"},
		{"a statement that is never closed", "export const a = {\n\nText.", "export const a = {\n\nText."},
		{"an indented statement is text", "  export const a = 1", "export const a = 1"},
		{"a statement inside of a paragraph is text", "Text\nexport const a = 1", "Text export const a = 1"},
		{"a statement in a list is text", "- export const a = 1", "- export const a = 1"},
		{"a comment over an empty line", "A.\n\n{/* a hidden note\n\n with a blank line */}\n\nB.", "A.\n\nB."},
		{"a comment with braces", "{/* a } b { */}\n\nB.", "B."},
		{"a comment of several lines of its own", "{\n  /* no */\n}\n\nB.", "B."},
		{"an expression as a block", "import X from 'x'\n\n{\n  (function () {\n    return a.map(x => <li>{x}</li>)\n\n  })()\n}\n\nB.", "B."},
		{"braces without statements are text", "A.\n\n{\n  \"a\": 1\n}\n\n{name}\n\nB.", "A.\n\n{ \"a\": 1 }\n\n{name}\n\nB."},
		{"attributes with braces", "<Chart data={[{a: 1, b: {c: [2]}}]} on={() => x > 3} title=\"no\" />\n\nB.", "B."},
		{"attributes over empty lines", "<Chart\n  data={{\n    a: 1,\n\n    b: '}>'\n  }}\n\n  title=\"no\"\n/>\n\nB.", "B."},
		{"attributes of a component with a body", "<Tabs\n  values={[\n    {label: 'A', value: 'a'},\n  ]}>\n<TabItem value=\"a\">\n\nText **a**.\n\n</TabItem>\n</Tabs>\n\nB.", "Text a.\n\nB."},
		{"attributes of elements of HTML", "<div style={{color: 'red'}} onClick={() => a > b}>\n\nText.\n\n</div>\n\n<p onClick={() => {\n  if (a > b) { c() }\n}}>More.</p>", "Text.\n\nMore."},
		{"attributes inside of a sentence", "Press <Kbd keys={['a', '}']} on={x => x > 1}>Enter</Kbd> now.", "Press Enter now."},
		{"spread attributes", "<Video {...props} />\n\nB.", "B."},
		{"attributes of a heading", "### 4.49.0 { id=\"4.49.0\" }\n\n### b { #b .c }\n\n### {a}", "### 4.49.0\n\n### b\n\n### {a}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(cleaned(t, clean.Config{}, tt.in, markdown).Text); got != tt.want {
				t.Errorf("the text is %q, want %q", got, tt.want)
			}
		})
	}
}
