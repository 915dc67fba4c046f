package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// nearMain writes the first articles of a file, and two of them again with a sentence more: near ARTICLES TO.
func nearMain() {
	if err := writeNear(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func writeNear(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	var out []byte
	var again [][]byte
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for i := 0; i < 20 && lines.Scan(); i++ {
		out = append(append(out, lines.Bytes()...), '\n')
		if i != 3 && i != 7 {
			continue
		}
		var article map[string]any
		if err := json.Unmarshal(lines.Bytes(), &article); err != nil {
			return err
		}
		article["id"] = fmt.Sprintf("n-%d", len(again))
		article["content"] = fmt.Sprint(article["content"], "\n\nThe editors moved this article to another place.")
		line, err := json.Marshal(article)
		if err != nil {
			return err
		}
		again = append(again, append(line, '\n'))
	}
	for _, line := range again {
		out = append(out, line...)
	}
	return os.WriteFile(to, out, 0o600)
}
