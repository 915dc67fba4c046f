// One line a check, as compat/run counts them.
import { isDeepStrictEqual } from 'node:util';

const kind = process.env.COMPAT_NAME ?? 'js';

// check runs one check. What it throws is its failure; the checks after it still run.
export async function check(name, run) {
  try {
    const value = await run();
    console.log(`ok   ${kind}: ${name}`);
    return value;
  } catch (error) {
    const text = `${error.name ?? 'Error'}: ${error.message ?? error}`.replaceAll(/\s+/g, ' ').slice(0, 400);
    console.log(`FAIL ${kind}: ${name}: ${text}`);
    process.exitCode = 1;
    return undefined;
  }
}

export function equal(got, want, what) {
  if (!isDeepStrictEqual(got, want)) {
    throw new Error(`${what} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

export function holds(condition, what) {
  if (!condition) throw new Error(what);
}

// refused runs a call that must fail with the exception of that name, and gives the exception.
export async function refused(call, name, status) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    if (error.name !== name) throw new Error(`refused as ${error.name} (${error.message}), want ${name}`);
    if (status) equal(error.$metadata?.httpStatusCode, status, `the status of ${name}`);
    return error;
  }
  throw new Error(`was answered with ${JSON.stringify(answer)}, want ${name}`);
}

// reached looks until done says yes to what it sees, and gives that.
export async function reached(look, done, what, seconds = 90) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (done(seen)) return seen;
    if (Date.now() > until) throw new Error(`no ${what} after ${seconds}s`);
    await new Promise((go) => setTimeout(go, 100));
  }
}

const terminal = ['Completed', 'PartiallyCompleted', 'Failed', 'Stopped', 'Expired'];

// ended polls until look gives a job that has ended.
export const ended = (look) => reached(look, (job) => terminal.includes(job.status), 'end of the job');

export async function all(pages, member) {
  const list = [];
  for await (const page of pages) list.push(...(page[member] ?? []));
  return list;
}
