#!/bin/sh
# install.sh downloads a release of quarry, checks it and installs it.
#
#   sh install.sh [--version 0.1.0] [--prefix DIR] [--from URL]
#
#   --version  the release; default: the latest
#   --prefix   where to install; default: /usr/local if you may write there, else ~/.local
#   --from     address of the releases, for a mirror
#
# Nothing is unpacked before two checks have passed: the signature of checksums.txt, and the checksum of the archive in it. The signature is
# checked with minisign, or with OpenSSL 3 if minisign is not installed. Linux and macOS, amd64 and arm64.
set -eu

# >>> the project's public home: the second line of its minisign.pub, and the address of its releases
public_key=
releases=
# <<<

fail() { # fail FAULT WAY-OUT
	printf 'install.sh: error: %s\ninstall.sh: hint: %s\n' "$1" "$2" >&2
	exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

version='' prefix='' from=''
while [ $# -gt 0 ]; do
	[ $# -gt 1 ] || fail "$1 has no value" 'usage: sh install.sh [--version V] [--prefix DIR] [--from URL]'
	case $1 in
	--version) version=${2#v} ;;
	--prefix) prefix=$2 ;;
	--from) from=$2 ;;
	*) fail "unknown option $1" 'usage: sh install.sh [--version V] [--prefix DIR] [--from URL]' ;;
	esac
	shift 2
done
[ -n "$public_key" ] || fail 'this script has no public key, so it cannot check a download' 'build from source: see docs/install.md'
from=${from:-$releases}
[ -n "$from" ] || fail 'this script has no address to download from' 'pass --from URL, or build from source: see docs/install.md'

case $(uname -s) in
Linux) system=linux ;;
Darwin) system=darwin ;;
*) fail "there is no program for $(uname -s)" 'download the zip for Windows, or build from source: see docs/install.md' ;;
esac
case $(uname -m) in
x86_64 | amd64) processor=amd64 ;;
aarch64 | arm64) processor=arm64 ;;
*) fail "there is no program for $(uname -m)" 'build from source: see docs/install.md' ;;
esac
if [ -z "$prefix" ]; then
	prefix=/usr/local
	[ -w $prefix/bin ] || prefix=$HOME/.local
fi

# Only a quarry is replaced.
program=$prefix/bin/quarry
if [ -e "$program" ]; then
	case $("$program" version 2>/dev/null) in
	'quarry '*) ;;
	*) fail "$program exists and is another program" 'choose another --prefix' ;;
	esac
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$version" ]; then
	from=${from%/}/download/v$version
else
	from=${from%/}/latest/download
fi

fetch() { # fetch NAME: into the working folder
	if has curl; then
		curl -fsSL -o "$work/$1" "$from/$1" 2>"$work/fault"
	elif has wget; then
		wget -q -O "$work/$1" "$from/$1" 2>"$work/fault"
	else
		fail 'neither curl nor wget is installed' 'install one of them'
	fi || fail "$from/$1 cannot be downloaded: $(cat "$work/fault")" 'check the address and --version'
}

# with_openssl checks what minisign writes: algorithm (2 bytes), key id (8), Ed25519 signature (64). The algorithm ED signs the
# BLAKE2b-512 of the file. The key has the same head. See https://jedisct1.github.io/minisign/.
with_openssl() { # with_openssl FILE
	printf '%s' "$public_key" | openssl base64 -d -A >"$work/key" &&
		sed -n 2p "$1.minisig" | openssl base64 -d -A >"$work/signature" &&
		[ "$(wc -c <"$work/key")" -eq 42 ] && [ "$(wc -c <"$work/signature")" -eq 74 ] &&
		[ "$(head -c 2 "$work/signature")" = ED ] &&
		{ printf '\060\052\060\005\006\003\053\145\160\003\041\000' && tail -c 32 "$work/key"; } >"$work/key.der" &&
		tail -c 64 "$work/signature" >"$work/ed25519" &&
		openssl dgst -blake2b512 -binary "$1" >"$work/hash" &&
		openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/hash" -sigfile "$work/ed25519"
}
verify() { # verify NAME
	if has minisign; then
		minisign -V -q -P "$public_key" -m "$work/$1"
	elif has openssl && openssl version | grep -q '^OpenSSL [3-9]'; then
		with_openssl "$work/$1"
	else
		fail 'the signature cannot be checked' 'install minisign or OpenSSL 3'
	fi >/dev/null 2>&1 || fail "$from/$1 is not signed with the key of the project" 'do not use this download; report it as SECURITY.md says'
}
checksum() { # checksum NAME
	if has sha256sum; then
		sha256sum "$work/$1"
	else
		shasum -a 256 "$work/$1"
	fi | cut -c 1-64
}

fetch checksums.txt
fetch checksums.txt.minisig
verify checksums.txt
pattern=$(printf '%s' "$version" | sed 's/[.]/[.]/g')
pattern=${pattern:-[0-9][0-9A-Za-z.+-]*}
line=$(grep "^[0-9a-f]\{64\}  quarry_${pattern}_${system}_${processor}[.]tar[.]gz\$" "$work/checksums.txt") ||
	fail "$from has no archive for $system/$processor${version:+ of version $version}" 'build from source: see docs/install.md'
[ "$(printf '%s\n' "$line" | wc -l)" -eq 1 ] || fail "checksums.txt names several archives for $system/$processor" 'pass --version'
archive=${line#*  }
fetch "$archive"
[ "$(checksum "$archive")" = "${line%%  *}" ] ||
	fail "$from/$archive does not have the checksum in checksums.txt" 'download again; if it stays so, report it as SECURITY.md says'

tar -xzf "$work/$archive" -C "$work"
unpacked=$work/${archive%.tar.gz}
share=$prefix/share
mkdir -p "$prefix/bin" "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" \
	"$share/fish/vendor_completions.d" "$share/doc/quarry" "$share/quarry/examples"
cp "$unpacked"/man/*.1.gz "$share/man/man1/"
cp "$unpacked/completions/quarry.bash" "$share/bash-completion/completions/quarry"
cp "$unpacked/completions/quarry.zsh" "$share/zsh/site-functions/_quarry"
cp "$unpacked/completions/quarry.fish" "$share/fish/vendor_completions.d/quarry.fish"
cp "$unpacked/LICENSE" "$unpacked/NOTICE" "$unpacked/README.md" "$share/doc/quarry/"
cp "$unpacked"/examples/* "$share/quarry/examples/"
cp "$unpacked/quarry" "$program.new"
mv -f "$program.new" "$program"

"$program" version
case :$PATH: in
*:"$prefix/bin":*) ;;
*) printf 'Add it to your PATH: export PATH="%s/bin:$PATH"\n' "$prefix" ;;
esac
printf 'Try it: quarry run %s/quarry/examples/articles.jsonl\n' "$share"
