package plain

import "unicode/utf8"

// halfKana are the full-width forms of U+FF66 to U+FF9D, in order.
var halfKana = [...]rune{
	'ヲ', 'ァ', 'ィ', 'ゥ', 'ェ', 'ォ', 'ャ', 'ュ', 'ョ', 'ッ', 'ー', 'ア', 'イ', 'ウ', 'エ', 'オ', 'カ', 'キ', 'ク', 'ケ', 'コ',
	'サ', 'シ', 'ス', 'セ', 'ソ', 'タ', 'チ', 'ツ', 'テ', 'ト', 'ナ', 'ニ', 'ヌ', 'ネ', 'ノ', 'ハ', 'ヒ', 'フ', 'ヘ', 'ホ', 'マ',
	'ミ', 'ム', 'メ', 'モ', 'ヤ', 'ユ', 'ヨ', 'ラ', 'リ', 'ル', 'レ', 'ロ', 'ワ', 'ン',
}

// fold writes a full-width letter or sign as ASCII, or half-width kana as full-width with its sound mark composed, and
// returns how many bytes of rest belong to it; -1 means that r has no other width.
func (w *Writer) fold(r rune, rest []byte) int {
	var buf [utf8.UTFMax]byte
	switch {
	case r <= 0xFF5E:
		w.Text(append(buf[:0], byte(r-0xFF01+'!')))
		return 0
	case r < 0xFF66 || r > 0xFF9D:
		return -1
	}
	full, used := halfKana[r-0xFF66], 0
	if mark, size := utf8.DecodeRune(rest); mark == 0xFF9E || mark == 0xFF9F {
		if voiced := sounded(full, mark == 0xFF9F); voiced != full {
			full, used = voiced, size
		}
	}
	w.Text(utf8.AppendRune(buf[:0], full))
	return used
}

// sounded adds the mark of a voiced (or, half, a p-) sound to a kana that can take it.
func sounded(r rune, half bool) rune {
	switch {
	case r == 'ウ' && !half:
		return 'ヴ'
	case r >= 'ハ' && r <= 'ホ' && half:
		return r + 2
	case half:
		return r
	case r >= 'カ' && r <= 'チ', r >= 'ツ' && r <= 'ト', r >= 'ハ' && r <= 'ホ':
		return r + 1
	}
	return r
}
