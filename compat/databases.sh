#!/usr/bin/env bash
# databases.sh BINARY: quarry's sources and exports against a real Postgres and a real MariaDB, each in a folder of its own. As root it installs
# Debian's packages where they are missing, and runs the servers as the users that come with them.
set -uo pipefail
binary=$(realpath "${1:?usage: compat/databases.sh BINARY}") || exit 2
tmp=$(mktemp -d) || exit 2
chmod 755 "$tmp"
servers=()
finish() {
	for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; done
	wait
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM
export HOME=$tmp
cd "$tmp" || exit 2
code=0 passed=0

if [ "$(id -u)" = 0 ] && { ! ls /usr/lib/postgresql/*/bin/initdb || ! command -v mariadbd; } >/dev/null 2>&1; then
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql mariadb-server; } >"$tmp/apt.log" 2>&1 ||
		{ echo "FAIL databases: cannot be installed: $(tail -n 2 "$tmp/apt.log" | tr '\n' ' ')" && exit 1; }
fi

as() { # as USER COMMAND…: in the place of root, whom the servers refuse.
	local user=$1
	shift
	if [ "$(id -u)" = 0 ]; then exec runuser -u "$user" -- "$@"; else exec "$@"; fi
}
check() { # check NAME FUNCTION: one check, which stops at the first command that fails.
	local out failed
	out=$(set -e; "$2" 2>&1)
	failed=$?
	if [ $failed -eq 0 ]; then
		echo "ok   databases: $1" && passed=$((passed + 1))
	else
		echo "FAIL databases: $1: $(printf %s "$out" | tail -n 4 | tr '\n' ' ' | cut -c1-400)"
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
	for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
	return 1
}

bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -n 1)")
port=$((20000 + RANDOM % 12000))
install -d -m 700 pg my
[ "$(id -u)" != 0 ] || { chown postgres pg; chown mysql my; }
echo secret >pw && chmod 644 pw
(as postgres "$bin/initdb" -D "$tmp/pg" -U ann --pwfile="$tmp/pw" -A scram-sha-256 -E EUC_JP --locale=C) >pg.log 2>&1
(as postgres "$bin/postgres" -D "$tmp/pg" -p "$port" -k '' -c listen_addresses=127.0.0.1) >>pg.log 2>&1 &
servers+=("$!")
(as mysql mariadb-install-db --no-defaults --datadir="$tmp/my" --auth-root-authentication-method=normal) >my.log 2>&1
(as mysql mariadbd --no-defaults --datadir="$tmp/my" --socket="$tmp/my/s" --port=$((port + 1)) --bind-address=127.0.0.1) >>my.log 2>&1 &
servers+=("$!")

export PGPASSWORD=secret SECRET=secret
pg=postgres://ann@127.0.0.1:$port/postgres
my=mysql://ann@127.0.0.1:$((port + 1))/blog
psql() { command psql -q -v ON_ERROR_STOP=1 "$pg" "$@"; }
mariadb() { command mariadb --no-defaults -uroot -S "$tmp/my/s" --default-character-set=utf8mb4 "$@"; }
soon psql -c 'SELECT 1' || { echo "FAIL databases: Postgres does not start: $(tail -n 3 pg.log)" && exit 1; }
[ "$(id -u)" != 0 ] || chmod 755 my
soon mariadb -e 'SELECT 1' || { echo "FAIL databases: MariaDB does not start: $(tail -n 3 my.log)" && exit 1; }

psql <<'SQL' || exit 1
SET client_encoding = 'UTF8';
CREATE TABLE posts (id int PRIMARY KEY, title text, doc jsonb, price numeric(9,2), at timestamptz, thumb bytea);
INSERT INTO posts SELECT i, 'T ' || i, jsonb_build_object('body', jsonb_build_object('en', '石は ' || i)), i / 4.0, '2026-01-02 03:04:05+01', '\xff00' FROM generate_series(5000, 1, -1) i;
CREATE TABLE options (name text);
SQL
mariadb <<'SQL' || exit 1
CREATE DATABASE blog CHARACTER SET utf8mb4; USE blog;
CREATE TABLE posts (id BIGINT UNSIGNED PRIMARY KEY, title VARCHAR(90), body LONGTEXT, price DECIMAL(9,2), at DATETIME, thumb BLOB);
INSERT INTO posts SELECT seq, CONCAT('T ', seq), CONCAT('石は ', seq), seq / 4, '2026-01-02 03:04:05', x'ff00' FROM seq_1_to_5000;
CREATE TABLE options (name TEXT);
CREATE USER ann@'127.0.0.1' IDENTIFIED BY 'secret'; CREATE USER ann@localhost IDENTIFIED BY 'secret';
GRANT ALL ON blog.* TO ann@'127.0.0.1'; GRANT ALL ON blog.* TO ann@localhost;
SQL

postgres_table() {
	"$binary" clean "$pg#posts" --field body=doc.body.en >out
	is "$(wc -l <out)" 5000
	is "$(sed -n 7p out)" '{"id":"7","title":"T 7","text":"石は 7"}'
}
postgres_run() {
	"$binary" run "$pg#posts" --field body=doc.body.en --where price=1.75 --dir pgrun
	grep -q '"price":1.75,"at":"2026-01-02T02:04:05Z","thumb":null' pgrun/results.jsonl
	PGPASSWORD='' "$binary" audit --dir pgrun --field body=doc.body.en --where price=1.75
}
postgres_refused() {
	PGPASSWORD=wrong ends 4 "$binary" clean "$pg#posts"
	ends 2 "$binary" clean "$pg" --query 'DELETE FROM posts RETURNING id, title AS body'
	ends 2 "$binary" clean "$pg#none"
	is "$(psql -At -c 'SELECT count(*) FROM posts')" 5000
}
mariadb_table() {
	"$binary" clean "$my" --source-key-env SECRET >out
	is "$(wc -l <out)" 5000
	is "$(sed -n 7p out)" '{"id":"7","title":"T 7","text":"石は 7"}'
}
mariadb_run() {
	"$binary" run "$my" --query 'SELECT * FROM posts WHERE id = 7' --source-key-env SECRET --dir myrun
	grep -q '"price":1.75,"at":"2026-01-02T03:04:05Z","thumb":null' myrun/results.jsonl
	"$binary" audit --dir myrun --query 'SELECT * FROM posts WHERE id = 7'
}
mariadb_refused() {
	SECRET=wrong ends 4 "$binary" clean "$my" --source-key-env SECRET
	ends 2 "$binary" clean "$my" --source-key-env SECRET --query 'DELETE FROM posts RETURNING id, body'
	ends 2 "$binary" clean "$my#none" --source-key-env SECRET
	is "$(mariadb -N -e 'SELECT COUNT(*) FROM blog.posts')" 5000
}
# publishes NAME ADDRESS COUNT-STATEMENT CLIENT…: summaries into the column summary of a table, and out of it again. A pipe is read to its
# end: grep -q leaves at the first match, and the program that still prints would end by SIGPIPE.
publishes() {
	local dir=$1 from=$2 to=sql:$2 count=$3
	shift 3
	local map="summary={{.output.summary_en}} \"'; DROP TABLE articles; --"
	"$binary" run "$from" --dir "$dir" --backend extractive --source-key-env SECRET
	ends 2 "$binary" publish --to "$to" --to-key-env SECRET --map "$map" --dir "$dir" 2>asks
	grep -q 'change 40 articles' asks
	grep -q 'UPDATE .*SET .*summary.* WHERE .*id.* AND ' asks
	"$binary" publish --to "$to" --to-key-env SECRET --map "$map" --dir "$dir" --yes --json | grep '"written": 40' >/dev/null
	is "$("$@" "$count")" 40
	"$binary" run "$from" --dir "$dir" --backend extractive --source-key-env SECRET 2>&1 | grep 'nothing new' >/dev/null
	"$binary" publish --to "$to" --to-key-env SECRET --map "$map" --dir "$dir" --yes --json | grep '"same": 40' >/dev/null
	"$@" "UPDATE articles SET body = 'Another.' WHERE id = 3" && "$@" "UPDATE articles SET summary = 'By hand.' WHERE id = 4"
	ends 3 "$binary" publish --to "$to" --to-key-env SECRET --map "$map" --dir "$dir" --yes 2>changed
	grep -q '^3: the article was changed' changed && grep -q '^4: field summary was changed' changed
	ends 2 "$binary" publish --to "$to" --to-key-env SECRET --map 'title={{.output.summary_en}}' --dir "$dir" --yes
	ends 2 "$binary" publish --to "$to" --to-key-env SECRET --map 'none={{.output.summary_en}}' --dir "$dir" --yes
	ends 3 "$binary" publish --to "$to" --to-key-env SECRET --map 'short={{.output.summary_en}}' --dir "$dir" --yes 2>refused
	grep -q '^5: the database refused the value' refused
	ends 3 "$binary" publish --to "$to" --to-key-env SECRET --undo --dir "$dir" --yes 2>undo
	grep -q 'restored *38' undo
	is "$("$@" "$count")" 1
}
texts() { for i in $(seq 40); do echo "INSERT INTO articles (id, title, body) VALUES ($i, 'T $i', 'Stone number $i isn''t small. It is cut from the hill, and weighs $((i + 1000)) kilograms.');"; done; }
postgres_publish() {
	psql -c 'CREATE TABLE articles (id int PRIMARY KEY, title varchar(90), body text, summary text, short varchar(5))'
	texts | psql
	publishes pgpublish "$pg#articles" "SELECT count(*) FROM articles WHERE summary LIKE '%DROP TABLE%'" psql -At -c
}
mariadb_publish() {
	mariadb blog -e 'CREATE TABLE articles (id BIGINT UNSIGNED PRIMARY KEY, title VARCHAR(90), body LONGTEXT, summary TEXT, short VARCHAR(5))'
	texts | mariadb blog
	publishes mypublish "$my#articles" "SELECT COUNT(*) FROM articles WHERE summary LIKE '%DROP TABLE%'" mariadb blog -N -e
}
# The results of a run over a table of Postgres, upserted into a database whose encoding holds every character.
psql -c "CREATE DATABASE site ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0" || exit 1
site=${pg%/postgres}/site
on_site() { command psql -q -v ON_ERROR_STOP=1 "$site" "$@"; }
postgres_upsert() {
	"$binary" run "$pg#posts" --field body=doc.body.en --limit 1200 --dir pgup --backend echo
	ends 2 "$binary" export --dir pgup -o "$pg" --table posts --force
	"$binary" export --dir pgup -o "$site" --table summaries 2>said || cat said
	grep -q 'does not exist: export creates it' said
	is "$(on_site -At -c 'SELECT count(*), count(DISTINCT id), sum(attempts) FROM summaries')" '1200|1200|1200'
	on_site -c "UPDATE summaries SET status = 'edited' WHERE id = '7'; INSERT INTO summaries (id, status, attempts, input_tokens, output_tokens) VALUES ('mine', 'kept', 0, 0, 0)"
	"$binary" export --dir pgup -o "$site" --table summaries 2>said || cat said
	grep -q 'has 1,201 rows: rows with the same id are updated' said
	is "$(on_site -At -c "SELECT status FROM summaries WHERE id IN ('7', 'mine') ORDER BY id" | tr '\n' ' ')" 'ok kept '
	is "$(psql -At -c 'SELECT count(*) FROM posts')" 5000
	! grep -r ann@ pgup/files.json
}
postgres_tables_of_others() {
	psql -c "CREATE TABLE theirs (id text PRIMARY KEY, headline text, note text DEFAULT 'n'); INSERT INTO theirs VALUES ('7', 'old', 'mine'), ('x', 'y', 'z');
		CREATE TABLE nokey (id text, headline text); CREATE VIEW seen AS SELECT * FROM theirs"
	ends 2 "$binary" export --dir pgup -o "$pg" --table theirs --columns id,headline=document.title 2>said
	grep -q 'has 2 rows' said
	grep -q -- --force said
	ends 2 "$binary" export --dir pgup -o "$pg" --table theirs --force 2>said
	grep -q 'ALTER TABLE "theirs" ADD COLUMN' said
	ends 2 "$binary" export --dir pgup -o "$pg" --table nokey --columns id,headline=document.title --force
	ends 2 "$binary" export --dir pgup -o "$pg" --table seen --columns id,headline=document.title --force
	is "$(psql -At -c "SELECT string_agg(id || headline, ',' ORDER BY id) FROM theirs")" '7old,xy'
	"$binary" export --dir pgup -o "$pg" --table theirs --columns id,headline=document.title --where id=7 --where id=8 --force
	is "$(psql -At -c "SELECT string_agg(id || headline || note, ',' ORDER BY id) FROM theirs")" '7T 7mine,8T 8n,xyz'
	PGPASSWORD=wrong ends 4 "$binary" export --dir pgup -o "$pg" --table theirs --columns id
}
mariadb_upsert() {
	"$binary" run "$my#posts" --source-key-env SECRET --limit 1200 --dir myup --backend echo
	ends 2 "$binary" export --dir myup -o "$my" --table posts --force --source-key-env SECRET
	"$binary" export --dir myup -o "$my" --table summaries --source-key-env SECRET
	is "$(mariadb -N -e 'SELECT COUNT(*), COUNT(DISTINCT id), SUM(attempts) FROM blog.summaries' | tr '\t' ' ')" '1200 1200 1200'
	mariadb -e "UPDATE blog.summaries SET status = 'edited' WHERE id = '7'; INSERT INTO blog.summaries (id, status, attempts, input_tokens, output_tokens) VALUES ('7 ', 'kept', 0, 0, 0)"
	"$binary" export --dir myup -o "$my" --table summaries --source-key-env SECRET
	is "$(mariadb -N -e "SELECT status FROM blog.summaries WHERE id IN ('7', '7 ') ORDER BY LENGTH(id)" | tr '\n' ' ')" 'ok kept '
	is "$(mariadb -N -e 'SELECT COUNT(*) FROM blog.posts')" 5000
}
mariadb_tables_of_others() {
	mariadb blog -e "CREATE TABLE folded (id VARCHAR(20) PRIMARY KEY, headline TEXT); CREATE TABLE two (id VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, headline VARCHAR(20) UNIQUE);
		CREATE TABLE tight (id VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, headline VARCHAR(2))"
	local table
	for table in folded two tight; do
		ends 2 "$binary" export --dir myup -o "$my" --table $table --columns id,headline=document.title --force --source-key-env SECRET
		is "$(mariadb -N -e "SELECT COUNT(*) FROM blog.$table")" 0
	done
	SECRET=wrong ends 4 "$binary" export --dir myup -o "$my" --table new --source-key-env SECRET
}
# Killed while it writes, an export leaves the table as it was, and the next one completes it.
killed_upsert() {
	"$binary" export --dir pgup -o "$site" --table killed --where id=1
	on_site -c "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END'; CREATE TRIGGER slow BEFORE INSERT ON killed FOR EACH ROW EXECUTE FUNCTION slow()"
	"$binary" export --dir pgup -o "$site" --table killed &
	local pid=$!
	sleep 2
	kill -9 $pid
	! wait $pid
	on_site -c 'DROP TRIGGER slow ON killed'
	is "$(on_site -At -c 'SELECT count(*) FROM killed')" 1
	"$binary" export --dir pgup -o "$site" --table killed
	is "$(on_site -At -c 'SELECT count(*) FROM killed')" 1200
}
check 'a table of Postgres is read by its key, its JSON by a path, in any server encoding' postgres_table
check 'a run over Postgres, and its audit without a password' postgres_run
check 'Postgres refuses a wrong password, writing, and a table that is not there' postgres_refused
check 'the one table of MariaDB with an id and a body is read' mariadb_table
check 'a run over a query to MariaDB, and its audit' mariadb_run
check 'MariaDB refuses a wrong password, writing, and a table that is not there' mariadb_refused
check 'summaries are written into a table of Postgres, and taken back' postgres_publish
check 'summaries are written into a table of MariaDB, and taken back' mariadb_publish
check 'results are upserted into Postgres by their id; other rows and the source stay' postgres_upsert
check 'a table of Postgres that Quarry did not create is changed with --force alone, and only where the results fit' postgres_tables_of_others
check 'results are upserted into MariaDB; ids differ by a space' mariadb_upsert
check 'tables of MariaDB in which another row could be updated, or a text cut, are refused' mariadb_tables_of_others
check 'an upsert that is killed changes nothing' killed_upsert
exit "$code"
