// The action's post step: stops the stand-in and shows its log. It runs also when a step has failed.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { STATE_quarry: quarry, STATE_dir: dir } = process.env;
if (quarry && dir) {
  try {
    execFileSync(quarry, ['local', '--stop', '--dir', dir], { stdio: 'inherit' });
  } catch (error) {
    console.log(`::error::the stand-in in ${dir} could not be stopped: ${error.message}`);
    process.exitCode = 1;
  }
  const log = join(dir, 'local.log');
  if (existsSync(log)) console.log(`::group::log of the stand-in\n${readFileSync(log, 'utf8')}\n::endgroup::`);
}
