#!/usr/bin/env bash
# docs.sh BINARY: runs the commands of README and of every page in docs/, page by page, each in a copy of this repository, against the stand-in
# whose variables are set.
#
# A block of "sh" is run; so are blocks of "python run", "js run" and "go run" where COMPAT_CLIENTS has their client. A block below the line
#
#	<!-- not-run: REASON -->           or           <!-- run-by: FILE -->
#
# is left out: it cannot run here, or FILE runs it. Commands between "<!-- run-first" and "-->" prepare the next block. docs_test.go checks that no other block has commands. Blocks of a page share one shell,
# as in a reader's terminal; questions about money and changes on AWS are answered with yes. A command whose comment says
# "exit code N" has to end with that code.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
compat=$PWD
module=$(dirname "$compat")
mkdir "$COMPAT_TMP/bin" && cp "$1" "$COMPAT_TMP/bin/quarry" || exit 2
export PATH=$COMPAT_TMP/bin:$PATH AWS_PAGER='' COMPAT=$compat MODULE=$module
GOPATH=$(go env GOPATH 2>/dev/null) GOCACHE=$(go env GOCACHE 2>/dev/null)
export GOPATH GOCACHE
code=0

cat >"$COMPAT_TMP/reader.sh" <<'SH'
set -euo pipefail
at() { echo "@ $1"; }
quarry() { # a person answers these questions at the terminal
	case " $* " in
	*' --yes '*) command quarry "$@" ;;
	' run'*' --target aws '* | ' setup'*' --target aws '* | ' approve '*) command quarry "$@" --yes ;;
	*) command quarry "$@" ;;
	esac
}
ends() { # ends CODE COMMAND…: the page names the exit code in a comment
	local want=$1 have=0
	shift
	"$@" || have=$?
	[ "$have" = "$want" ] || { echo "exit code $have" && return 1; }
}
piece() { # piece FILE CLIENT: a program of the page
	[[ " js $COMPAT_CLIENTS " == *" $2 "* ]] || return 0
	case $1 in
	*.js) ln -sfn "$COMPAT/node_modules" node_modules && cp "$1" piece.mjs && node piece.mjs ;;
	*.python) "$COMPAT_PYTHON" "$1" ;;
	*.go) # built where the module's requirements are, run where the files are
		cp "$1" piece.go && go -C "$MODULE" build -o "$PWD/piece" "$PWD/piece.go" && ./piece
		;;
	esac
	node --input-type=module -e "
		import { GetObjectCommand, S3Client, paginateListObjectsV2 } from '$COMPAT/node_modules/@aws-sdk/client-s3/dist-cjs/index.js';
		const client = new S3Client({});
		const Bucket = 'quarry-123456789012-us-west-2';
		for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: '${2/python/boto3}/out/' })) {
			const manifest = page.Contents.find((o) => o.Key.endsWith('manifest.json.out'));
			const text = await (await client.send(new GetObjectCommand({ Bucket, Key: manifest.Key }))).Body.transformToString();
			if (JSON.parse(text).successRecordCount !== 100) throw new Error(text);
		}
	"
}
SH

# script PAGE: the page's blocks as one script; programs become files next to it.
script() {
	awk -v page="$1" '
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
	' "$module/$1"
}

pages=0
for page in README.md $(cd "$module" && ls docs/*.md) CONTRIBUTING.md examples/ATTRIBUTION.md; do
	here=$COMPAT_TMP/pages/$(basename "$page" .md)
	mkdir -p "$here" && cd "$here" || exit 2
	script "$page" >page.sh
	grep -q '^at ' page.sh || continue
	if grep -q '^ *\(job=\$(\)\?aws \|-- aws ' page.sh && [[ " $COMPAT_CLIENTS " != *' cli '* ]]; then continue; fi
	pages=$((pages + 1))
	(cd "$module" && git ls-files -z --cached -- . ':!:*/testdata/*' | xargs -0 cp --parents -t "$here") 2>/dev/null
	cp examples/articles.jsonl .
	if out=$(HOME=$here bash -c '. "$1"; . ./page.sh' reader "$COMPAT_TMP/reader.sh" 2>&1 </dev/null); then
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
