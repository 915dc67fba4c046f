// Command bench-scale measures the whole job over ever more documents: time of each stage, memory of the client, bytes kept
// for a document without its answer, and how soon a run that was killed resumes.
//
// With -before, another program is measured in the same run, so that the ratio of the two does not depend on the machine.
//
//	go run -C tools ./bench-scale -quarry ../bin/quarry -articles ../../shared/data/articles.jsonl.zst -n 10000,100000,1000000
//
// The documents are real articles with other ids, titles and first words, each body cut to 1,500 bytes. The stand-in is a process of its own
// with the model echo, so that what is measured is the client.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	quarry := flag.String("quarry", "../bin/quarry", "the program to measure")
	before := flag.String("before", "", "another program, measured in the same run just before each measurement of the first; empty: none")
	articles := flag.String("articles", "", "JSONL compressed with zstd: title, content, format, lang, url")
	sizes := flag.String("n", "10000,100000,1000000", "numbers of documents")
	dir := flag.String("dir", "", "where to work; empty: a temporary directory")
	perJob := flag.Int("per-job", 0, "records a job; 0: as the quota has it")
	once := flag.Bool("once", false, "one run alone, killed and resumed: stages are then what the resumed process saw of them")
	flag.Parse()
	if err := measureAll(*quarry, *before, *articles, *sizes, *dir, *perJob, *once); err != nil {
		fmt.Fprintln(os.Stderr, "bench-scale:", err)
		os.Exit(1)
	}
}

func measureAll(quarry, before, articles, sizes, dir string, perJob int, once bool) (err error) {
	if articles == "" {
		return errors.New("no -articles")
	}
	if quarry, err = filepath.Abs(quarry); err != nil {
		return err
	}
	programs := []string{quarry}
	if before != "" {
		if before, err = filepath.Abs(before); err != nil {
			return err
		}
		programs = []string{before, quarry}
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return fmt.Errorf("this measures by /proc: %w", err)
	}
	fmt.Printf("load before: %s", load)
	table := newTable()
	for _, size := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return fmt.Errorf("-n: %w", err)
		}
		for _, program := range programs {
			m, err := measure(program, articles, dir, n, perJob, once)
			if err != nil {
				return fmt.Errorf("%d documents: %w", n, err)
			}
			head := strconv.Itoa(n)
			if program == before {
				head += ", before"
			}
			table.add(head, n, m)
			table.print(os.Stdout)
		}
	}
	return nil
}
