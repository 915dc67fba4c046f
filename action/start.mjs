// The action's main step: gets the program, starts the stand-in in the background, and sets the AWS variables for later steps.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
const temp = process.env.RUNNER_TEMP ?? tmpdir();

// write adds NAME=VALUE to one of the files by which a step talks to the runner.
function write(file, name, value) {
  if (/[\r\n]/.test(value)) throw new Error(`the value of ${name} has more than one line`);
  appendFileSync(process.env[file], `${name}=${value}\n`);
}

function program() {
  if (input('quarry')) return resolve(input('quarry'));
  const built = join(mkdtempSync(join(temp, 'quarry-')), process.platform === 'win32' ? 'quarry.exe' : 'quarry');
  execFileSync('go', ['build', '-trimpath', '-o', built, './cmd/quarry'], {
    cwd: dirname(import.meta.dirname), env: { ...process.env, CGO_ENABLED: '0' }, stdio: 'inherit',
  });
  return built;
}

// words splits a line of `quarry local --detach`; a value with other characters is in single quotes.
const words = (line) => line.match(/(?:'(?:[^']|'\\'')*'|[^ '])+/g) ?? [];
const plain = (word) => word.replaceAll(`'\\''`, '\0').replaceAll(`'`, '').replaceAll('\0', `'`);

try {
  const quarry = program();
  const dir = input('dir') ? resolve(input('dir')) : mkdtempSync(join(temp, 'quarry-local-'));
  const flags = input('flags').split(/\r?\n/).map((flag) => flag.trim()).filter(Boolean);
  for (const name of ['seed-state', 'quotas']) {
    if (input(name)) flags.push(`--${name}`, input(name));
  }
  const lines = execFileSync(quarry, ['local', '--detach', '--shell', 'sh', '--addr', input('addr'), '--dir', dir, ...flags], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'],
  }).split('\n').map(words);
  write('GITHUB_STATE', 'quarry', quarry); // from here the post step has something to stop
  write('GITHUB_STATE', 'dir', dir);
  for (const [command, ...rest] of lines) {
    if (command === 'unset') {
      // A step cannot unset a variable of later steps, and an empty one is not the same to every client.
      const set = rest.filter((name) => process.env[name]);
      if (set.length > 0) throw new Error(`${set.join(', ')} would direct clients away from the stand-in; remove it from the job's env`);
    }
    if (command === 'export') {
      const pair = plain(rest.join(' '));
      const at = pair.indexOf('=');
      write('GITHUB_ENV', pair.slice(0, at), pair.slice(at + 1));
      if (pair.startsWith('AWS_ENDPOINT_URL=')) write('GITHUB_OUTPUT', 'endpoint', pair.slice(at + 1));
    }
  }
  write('GITHUB_OUTPUT', 'dir', dir);
  appendFileSync(process.env.GITHUB_PATH, `${dirname(quarry)}\n`);
} catch (error) {
  console.log(`::error::${String(error.message).replaceAll('\n', '%0A')}`);
  process.exitCode = 1;
}
