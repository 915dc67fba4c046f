#!/usr/bin/env bash
# docs.sh BINARY: runs the pieces of code in docs/stand-in.md that are marked "run", in their order, as they stand there.
# Those whose client is not here are passed over; COMPAT_CLIENTS names the others.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
compat=$PWD
module=$(dirname "$compat")
mkdir "$COMPAT_TMP/bin" && cp "$1" "$COMPAT_TMP/bin/quarry" || exit 2
export PATH=$COMPAT_TMP/bin:$PATH HOME=${HOME:-$COMPAT_TMP} AWS_PAGER=''
cd "$COMPAT_TMP" && ln -s "$module/examples" examples && ln -s "$compat/node_modules" node_modules || exit 2
code=0

# One file a piece: 01.sh, 02.sh, 03.python …
awk '/^```[a-z]+ run$/ { n++; sub(/^```/, ""); sub(/ run$/, ""); file = sprintf("%02d.%s", n, $0); next }
	/^```$/ { file = "" }
	file { print > file }' "$module/docs/stand-in.md"

run() { # run NAME COMMAND…: one check
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok   $COMPAT_NAME: $name"
	else
		echo "FAIL $COMPAT_NAME: $name: $(printf %s "$out" | tail -n 4 | tr '\n' ' ' | cut -c1-400)"
		code=1
	fi
}
# answered PREFIX: the output below it is complete.
answered() {
	node --input-type=module -e "
		import { GetObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
		const client = new S3Client({});
		const Bucket = 'quarry-123456789012-us-west-2';
		for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: '$1/out/' })) {
			const manifest = page.Contents.find((o) => o.Key.endsWith('manifest.json.out'));
			const text = await (await client.send(new GetObjectCommand({ Bucket, Key: manifest.Key }))).Body.transformToString();
			if (JSON.parse(text).successRecordCount !== 100) throw new Error(text);
		}
	"
}
piece() { # piece FILE: runs it with its client
	case $1 in
	*.sh) bash -euo pipefail "$1" ;;
	*.js) cp "$1" piece.mjs && node piece.mjs ;;
	*.python) "$COMPAT_PYTHON" "$1" ;;
	*.go)
		# Built where the module's requirements are, run where the files are.
		cp "$1" piece.go && go -C "$module" build -o "$COMPAT_TMP/bin/piece" "$COMPAT_TMP/piece.go" && bin/piece
		;;
	esac
}
for file in [0-9][0-9].*; do
	client=${file##*.}
	[[ $file == *.sh ]] && grep -q '^aws ' "$file" && client=cli
	[[ " sh js $COMPAT_CLIENTS " == *" $client "* ]] || continue
	run "the piece for $client" piece "$file"
	[ "$client" = sh ] || run "the answers of the piece for $client" answered "${client/python/boto3}"
done
exit $code
