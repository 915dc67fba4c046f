#!/usr/bin/env bash
# wordpress.sh BINARY: quarry reads a real WordPress with 300 posts, publishes summaries into it, and takes them back. Then it runs the
# commands of docs/origin.md with 600 posts and a stand-in in a process of its own. It needs Debian's
# packages of WordPress, PHP and MariaDB, or root, who installs them. Everything runs on loopback, in a folder that is removed at the end.
set -uo pipefail
binary=$(realpath "${1:?usage: compat/wordpress.sh BINARY}") || exit 2
compat=$(realpath "$(dirname "$0")") || exit 2
tmp=$(mktemp -d) || exit 2
mkdir "$tmp/bin" && ln -s "$binary" "$tmp/bin/quarry"
chmod 755 "$tmp"
servers=()
finish() {
	for pid in "${servers[@]}"; do kill -- "$pid" 2>/dev/null; done
	wait
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM
export HOME=$tmp
cd "$tmp" || exit 2
code=0

if [ "$(id -u)" = 0 ] && { ! command -v php || ! command -v mariadbd || [ ! -d /usr/share/wordpress ]; } >/dev/null 2>&1; then
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		wordpress php-cli php-mysql php-xml php-mbstring mariadb-server curl; } >apt.log 2>&1 ||
		{ echo "FAIL wordpress: cannot be installed: $(tail -n 2 apt.log | tr '\n' ' ')" && exit 1; }
fi

check() { # check NAME FUNCTION: one check, which stops at the first command that fails.
	local out failed
	out=$(set -e; "$2" 2>&1)
	failed=$?
	if [ $failed -eq 0 ]; then
		echo "ok   wordpress: $1"
	else
		echo "FAIL wordpress: $1: $(printf %s "$out" | tail -n 6 | tr '\n' ' ' | cut -c1-600)"
		code=1
	fi
}
is() { [ "$1" = "$2" ] || { echo "have '$1', want '$2'" && return 1; }; }
ends() { # ends CODE COMMAND…
	local want=$1 got=0
	shift
	"$@" || got=$?
	is "$got" "$want"
}
soon() { # soon COMMAND…: waits until it succeeds.
	for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
	return 1
}

port=$((20000 + RANDOM % 12000)) # below those that connections get
site=http://127.0.0.1:$((port + 1))
as=()
install -d -m 755 db
if [ "$(id -u)" = 0 ]; then chown mysql db && as=(runuser -u mysql --); fi
"${as[@]}" mariadb-install-db --no-defaults --datadir="$tmp/db" --auth-root-authentication-method=normal >db.log 2>&1
"${as[@]}" mariadbd --no-defaults --datadir="$tmp/db" --socket="$tmp/db/s" --port=$port --bind-address=127.0.0.1 >>db.log 2>&1 &
servers+=("$!")
sql() { mariadb --no-defaults -uroot -S "$tmp/db/s" --default-character-set=utf8mb4 "$@"; }
soon sql -e 'SELECT 1' || { echo "FAIL wordpress: MariaDB does not start: $(tail -n 3 db.log)" && exit 1; }
sql -e "CREATE DATABASE wp CHARACTER SET utf8mb4; CREATE USER wp@'127.0.0.1' IDENTIFIED BY 'wp'; CREATE USER wp@localhost IDENTIFIED BY 'wp';
	GRANT ALL ON wp.* TO wp@'127.0.0.1'; GRANT ALL ON wp.* TO wp@localhost;"

cp -aL /usr/share/wordpress site 2>/dev/null
rm -f site/wp-config.php && mkdir -p site/wp-content/mu-plugins
cat >site/wp-config.php <<PHP
<?php
define('DB_NAME', 'wp'); define('DB_USER', 'wp'); define('DB_PASSWORD', 'wp'); define('DB_HOST', '127.0.0.1:$port');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as \$k) define(\$k, 'for a test');
define('WP_HOME', '$site'); define('WP_SITEURL', '$site');
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without TLS
define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true); define('AUTOMATIC_UPDATER_DISABLED', true);
define('ABSPATH', __DIR__ . '/'); \$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
PHP
cat >site/wp-content/mu-plugins/meta.php <<'PHP'
<?php register_post_meta('post', 'summary', ['type' => 'string', 'single' => true, 'show_in_rest' => true]);
PHP
cat >fill.php <<'PHP'
<?php
define('WP_INSTALLING', true); $_SERVER['HTTP_HOST'] = $argv[2];
require $argv[1] . '/wp-load.php'; require ABSPATH . 'wp-admin/includes/upgrade.php';
if (!is_blog_installed()) {
	wp_install('Test', 'admin', 'admin@example.org', false, '', 'a long password');
	wp_delete_post(1, true); wp_delete_post(2, true);
}
for ($i = $argv[3]; $i < $argv[3] + 300; $i++) {
	wp_insert_post(wp_slash(['post_title' => "Block $i & more", 'post_status' => 'publish', 'post_author' => 1, 'post_content' =>
		"<!-- wp:paragraph --><p>Block number $i is cut from the face of the hill. It weighs " . ($i + 1000) . " kilograms and isn't \"small\" — <b>石</b> & <i>stone</i>.</p><!-- /wp:paragraph -->\n\n" .
		"<!-- wp:paragraph --><p>The masons in the valley shape it into steps and sills. Wagon $i takes it down.</p><!-- /wp:paragraph -->"]));
}
list($password) = WP_Application_Passwords::create_new_application_password(1, ['name' => "quarry $argv[3]"]);
file_put_contents('login', "admin:$password");
PHP
fill() { php fill.php "$tmp/site" "127.0.0.1:$((port + 1))" "$1"; } # fill N: 300 posts from number N on
fill 1 >fill.log 2>&1
[ -s login ] || { echo "FAIL wordpress: it cannot be filled: $(tail -n 3 fill.log | tr '\n' ' ')" && exit 1; }
PHP_CLI_SERVER_WORKERS=4 setsid php -S "127.0.0.1:$((port + 1))" -t site >php.log 2>&1 &
servers+=("-$!")
LOGIN=$(<login)
export LOGIN
api() { curl -fsS -u "$LOGIN" "$@"; } # with a login, so that what is stored is shown
posts=$site/?rest_route=/wp/v2/posts
soon api -o first.json "$posts&per_page=1" || { echo "FAIL wordpress: the site does not answer: $(tail -n 3 php.log)" && exit 1; }
excerpts() { sql -N wp -e "SELECT COUNT(*) FROM wp_posts WHERE post_type = 'post' AND post_status = 'publish' AND post_excerpt LIKE '$1'"; }
publish() { "$binary" publish --to "wordpress:$posts" --to-key-env LOGIN --dir run "$@"; }
map=(--map 'excerpt={{.output.summary_en}}' --map 'meta.summary={{.output.title_en}} <script>alert(1)</script>')

reads() {
	"$binary" run "$posts" --dir run --backend extractive
	is "$(wc -l <run/results.jsonl)" 300
}
asks() {
	ends 2 publish "${map[@]}" >asks.out 2>&1
	grep -q 'change 300 articles' asks.out
	is "$(grep -c ' → ' asks.out)" 3
	is "$(excerpts '_%')" 0
}
writes() {
	publish "${map[@]}" --yes --json >written.json
	grep -q '"written": 300' written.json
	is "$(excerpts 'Block number%')" 300
	is "$(sql -N wp -e "SELECT COUNT(*) FROM wp_postmeta WHERE meta_key = 'summary' AND meta_value LIKE '%&lt;script&gt;%' AND meta_value NOT LIKE '%<%'")" 300
}
again() {
	"$binary" run "$posts" --dir run --backend extractive >again.out 2>&1
	grep -q 'nothing new' again.out
	publish "${map[@]}" --yes --json >again.json
	grep -q '"written": 0' again.json && grep -q '"same": 300' again.json
}
by_hand() {
	id=$(sed -n '7{s/^{"id":"\([0-9]*\)".*/\1/p}' run/results.jsonl)
	api -X POST -o hand.json --data-urlencode 'excerpt=By hand.' "$posts/$id"
	ends 3 publish "${map[@]}" --yes >hand.out 2>&1 || { cat hand.out && return 1; }
	grep -q "$id: field excerpt was changed after it was published" hand.out
	is "$(excerpts 'By hand.')" 1
	other=$(sed -n '8{s/^{"id":"\([0-9]*\)".*/\1/p}' run/results.jsonl)
	echo "$other" >other
	api -X POST -o hand.json --data-urlencode 'content=Another text.' "$posts/$other"
	ends 3 publish "${map[@]}" --yes --force >force.out 2>&1
	grep -q "$other: the article was changed after the run read it" force.out
	api -X POST -o hand.json --data-urlencode 'excerpt=By hand.' "$posts/$id" # --force wrote over it
}
ignored() {
	ends 2 publish --map 'meta.unregistered={{.output.summary_en}}' --yes >ignored.out 2>&1
	grep -q 'the target ignored field meta.unregistered' ignored.out
}
denied() {
	LOGIN=admin:wrong ends 4 publish "${map[@]}" --yes
}
killed() {
	sql wp -e "UPDATE wp_posts SET post_excerpt = '' WHERE post_excerpt LIKE 'Block number%' AND ID <> $(<other)"
	"$binary" publish --to "wordpress:$posts" --to-key-env LOGIN --dir run "${map[@]}" --yes --force --quiet >/dev/null 2>&1 &
	local pid=$! # of the program itself; that of a function would be a subshell's
	for _ in $(seq 1200); do [ "$(excerpts 'Block number%')" -gt 20 ] && break; sleep 0.1; done
	kill -9 "$pid"
	wait "$pid" || true
	[ "$(excerpts 'Block number%')" -lt 298 ]
	ends 3 publish "${map[@]}" --yes --force >killed.out 2>&1 || { cat killed.out && return 1; } # the post with another text is left
	is "$(excerpts 'Block number%')" 300
}
undoes() {
	ends 3 publish --undo --yes >undo.out 2>&1 || { cat undo.out && return 1; }
	is "$(excerpts 'Block number%')" 1 # that of the post with another text
	is "$(excerpts 'By hand.')" 1      # what --force wrote over
	is "$(sql -N wp -e "SELECT COUNT(*) FROM wp_postmeta WHERE meta_key = 'summary' AND meta_value LIKE '%script%'")" 1
}
page() {
	fill 301 >>fill.log
	LOGIN=$(<login)
	mkdir page && cd page
	awk -v page=docs/origin.md -f "$compat/page.awk" "$compat/../docs/origin.md" >page.sh
	eval "$("$binary" local --detach --addr 127.0.0.1:0 --dir ../stand-in)"
	local code=0
	PATH=$tmp/bin:$PATH SITE=$site bash -c '. "$1"; . ./page.sh' reader "$compat/reader.sh" || code=$?
	"$binary" local --stop --dir ../stand-in
	[ "$code" = 0 ]
	is "$(wc -l <quarry-run/results.jsonl)" 600
}
check 'a site with 300 posts is read and summarized' reads
check 'without --yes nothing is written, and three differences are shown' asks
check 'the summaries are written, escaped, and read back' writes
check 'after that a run sends nothing, and publish writes nothing' again
check 'a field that was edited by hand is left as it is' by_hand
check 'a field that WordPress ignores is an error' ignored
check 'a wrong login is refused' denied
check 'a publish that is killed is continued' killed
check 'the previous values are put back' undoes
check 'the commands of docs/origin.md, with 600 posts' page
exit "$code"
