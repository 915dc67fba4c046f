#!/usr/bin/env bash
# docs.sh BINARY: runs the commands of README and of every page in docs/, page by page, each in a copy of this repository, against the stand-in
# whose variables are set.
#
# A block of "sh" is run; so are blocks of "python run", "js run" and "go run" where COMPAT_CLIENTS has their client. A block below the line
#
#	<!-- not-run: REASON -->           or           <!-- run-by: FILE -->
#
# is left out: it cannot run here, or FILE runs it. FILE may also run a whole page that has "<!-- page run-by: FILE -->". Commands between
# "<!-- run-first" and "-->" prepare the next block. docs_test.go checks that no other block has commands. Blocks of a page share one
# shell, as in a reader's terminal; questions about money and changes on AWS are answered with yes. A command whose comment says
# "exit code N" has to end with that code.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
compat=$PWD
module=$(dirname "$compat")
mkdir "$COMPAT_TMP/bin" && cp "$1" "$COMPAT_TMP/bin/quarry" || exit 2
export PATH=$COMPAT_TMP/bin:$PATH AWS_PAGER='' COMPAT=$compat MODULE=$module
GOPATH=$(go env GOPATH 2>/dev/null) GOCACHE=$(go env GOCACHE 2>/dev/null)
export GOPATH GOCACHE GOFLAGS=-trimpath # so that what make build compiled is used
code=0

pages=0
for page in README.md $(cd "$module" && ls docs/*.md) CONTRIBUTING.md examples/ATTRIBUTION.md; do
	here=$COMPAT_TMP/pages/$(basename "$page" .md)
	! grep -q '^<!-- page run-by: ' "$module/$page" || continue
	mkdir -p "$here" && cd "$here" || exit 2
	awk -v page="$page" -f "$compat/page.awk" "$module/$page" >page.sh
	grep -q '^at ' page.sh || continue
	if grep -q '^ *\(job=\$(\)\?aws \|-- aws ' page.sh && [[ " $COMPAT_CLIENTS " != *' cli '* ]]; then continue; fi
	pages=$((pages + 1))
	(cd "$module" && git ls-files -z --cached -- . ':!:*/testdata/*' | xargs -0 cp --parents -t "$here") 2>/dev/null
	cp examples/articles.jsonl .
	if out=$(HOME=$here timeout 600 bash -c '. "$1"; . ./page.sh' reader "$compat/reader.sh" 2>&1 </dev/null); then
		echo "ok   $COMPAT_NAME: $(grep -c '^at ' page.sh) blocks of $page"
	else
		at=$(grep '^@ ' <<<"$out" | tail -n 1)
		echo "FAIL $COMPAT_NAME: the block at ${at#@ }: $(tail -n 4 <<<"$out" | tr '\n' ' ' | cut -c1-600)"
		code=1
	fi
	quarry local --stop --dir quarry-local >/dev/null 2>&1 # where the page left one
done
[ "$pages" -ge 5 ] || { echo "FAIL $COMPAT_NAME: only $pages pages have commands" && code=1; }
exit $code
