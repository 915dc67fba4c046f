// One stand-in for all tests: Vitest runs setup before the first file and teardown after the last one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const quarry = process.env.QUARRY ?? 'quarry'; // the program
const shared = join(import.meta.dirname, '..');
let data;

export function setup() {
  data = mkdtempSync(join(tmpdir(), 'quarry-local-'));
  const lines = execFileSync(quarry, [
    'local', '--detach', '--addr', '127.0.0.1:0', '--dir', data, '--test-clock', '--state-delay', '10m',
    '--seed-state', join(shared, 'state.yaml'), '--quotas', join(shared, 'quotas.json'),
  ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  for (const line of lines.split('\n')) {
    const [command, ...words] = line.split(' ');
    for (const word of words) {
      if (command === 'unset') {
        delete process.env[word];
      } else if (command === 'export') {
        const at = word.indexOf('=');
        process.env[word.slice(0, at)] = word.slice(at + 1).replace(/^'(.*)'$/, '$1');
      }
    }
  }
}

export function teardown() {
  execFileSync(quarry, ['local', '--stop', '--dir', data], { stdio: 'ignore' });
  rmSync(data, { recursive: true });
}
