# awk -v page=NAME -f page.awk PAGE: the blocks of a page as one script; programs become files in the current folder. docs.sh has the rules.
/^<!-- (not-run|run-by): / { skip = 1; next }
/^<!-- run-first$/ { printf "at %s:%d\n", page, NR; mode = "sh"; next }
mode == "sh" && /^-->$/ { mode = ""; next }
/^```sh$/ { if (!skip) { printf "at %s:%d\n", page, NR; mode = "sh" }; skip = 0; next }
/^```(python|js|go) run$/ {
	if (!skip) {
		lang = substr($1, 4); file = sprintf("block%d.%s", NR, lang); mode = "file"
		client = lang == "python" ? "python" : lang
		printf "at %s:%d\npiece %s %s\n", page, NR, file, client
	}
	skip = 0; next
}
/^```/ { mode = "" }
!/^$/ { skip = 0 }
mode == "sh" && match($0, / +# exit code [0-9]+/) {
	printf "ends %s %s\n", substr($0, RSTART + index(substr($0, RSTART), "code") + 4) + 0, substr($0, 1, RSTART - 1)
	next
}
mode == "sh" { print }
mode == "file" { print > file }
