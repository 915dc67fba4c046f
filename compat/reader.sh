# Sourced by the scripts that page.awk makes of a page: a reader's terminal. COMPAT_CLIENTS, COMPAT_PYTHON, COMPAT and MODULE as in docs.sh.
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
