// Opens each page of quarry ui in Chromium, light and dark, on a wide and on a narrow screen, and runs axe-core on it. A page must load
// nothing from elsewhere, run no script but its own, and be as wide as the screen. Then it works by keys alone, follows a run live, reads
// hostile texts, and does without script. With a fourth argument it leaves pictures there.
//
//	node ui.mjs URL CHROMIUM LIVE [FOLDER]     LIVE is a file that is written when the page of the run under way is open
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import puppeteer from 'puppeteer-core';

const [url, chromium, live, folder] = process.argv.slice(2);
if (!live) throw new Error('usage: node ui.mjs URL CHROMIUM LIVE [FOLDER]');
const origin = new URL(url).origin;
let failed = 0;
const check = (ok, text) => {
  console.log(`${ok ? 'ok' : 'FAIL'} ${text}`);
  failed += ok ? 0 : 1;
};

const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--lang=en'] });

// open gives a tab that collects what goes wrong in it.
async function open(width = 1200, scheme = 'light') {
  const tab = await browser.newPage();
  tab.faults = [];
  tab.on('request', (r) => new URL(r.url()).origin !== origin && tab.faults.push(`request of ${r.url()}`));
  tab.on('pageerror', (e) => tab.faults.push(String(e)));
  tab.on('console', (m) => m.type() === 'error' && tab.faults.push(m.text()));
  tab.on('dialog', (d) => tab.faults.push(`dialog: ${d.message()}`) && d.dismiss());
  await tab.setViewport({ width, height: 900 });
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  return tab;
}

// to follows a link whose address has these words.
async function to(tab, ...words) {
  const address = await tab.$$eval('main a[href], nav a[href]', (all, w) => all.map((a) => a.href).find((h) => w.every((word) => h.includes(word))), words);
  if (!address) throw new Error(`no link with ${words} on ${tab.url()}`);
  await tab.goto(address);
  return address;
}

// whole waits until a list has all records: the index of a run is made when a page first needs it.
const whole = (tab) => tab.waitForFunction(() => !document.querySelector('[data-again]'), { timeout: 60_000 });

const runs = async (tab) => Object.fromEntries(await tab.$$eval('a.name', (all) => all.map((a) => [a.textContent.split('/').pop(), a.href])));

try {
  const first = await open();
  await first.goto(url);
  check(first.url() === `${origin}/`, 'the token is not in the address of the page');
  const all = await runs(first);
  await follow(all);
  await first.goto(all.faults);
  const failing = await to(first, 'status=failed');
  await whole(first);
  const failingRecord = await to(first, '/record?', 'status=failed');
  check(/Attempts and raw answers/.test(await first.$eval('main', (e) => e.innerText)), 'a failed record is three links away from the list of runs');
  const attempts = await to(first, '/attempts?');
  const base = all.faults, passes = all.passes;
  const pages = {
    runs: `${origin}/`, run: base, waiting: all.waiting, report: null, records: `${base}records`, failed: failing, search: `${base}records?text=${encodeURIComponent('拡張')}`,
    record: `${base}record?id=sample-001`, 'failed-record': failingRecord, attempts, 'compare-start': `${passes}compare`,
    publish: `${base}publish`, compare: `${passes}compare?with=${new URL(passes).pathname.split('/')[2]}:1`, review: `${base}review`, 'not-found': `${origin}/none`,
  };
  await first.goto(pages.search);
  check((await first.$$('[data-row]')).length > 0, 'a search for two Japanese characters finds records');
  await first.goto(pages.compare);
  await whole(first);
  await first.close();

  for (const scheme of ['light', 'dark']) {
    for (const width of [1200, 360]) {
      const tab = await open(width, scheme);
      for (const [name, address] of Object.entries(pages)) {
        if (!address) continue;
        const of = `${name}, ${scheme}, ${width} px`;
        tab.faults.length = 0;
        await tab.goto(address);
        const over = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (folder) await tab.screenshot({ path: join(folder, `ui-${name}-${scheme}-${width}.png`), fullPage: true });
        const faults = tab.faults.filter((f) => !(name === 'not-found' && /404/.test(f)));
        check(over <= 0 && faults.length === 0, `${of}: as wide as the screen (${over} px over) ${faults.join(' ')}`);
        if ((scheme === 'light') !== (width === 1200)) continue; // axe sees both schemes and both widths
        await tab.setBypassCSP(true); // the policy of the pages lets axe's script in no more than any other
        await tab.reload();
        await tab.evaluate(axe.source);
        await tab.$$eval('details', (open) => open.forEach((e) => { e.open = true; }));
        const { violations, passes: passed } = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        await tab.setBypassCSP(false);
        for (const v of violations) console.log(`     ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' | ')}`);
        check(violations.length === 0 && passed.length > 10, `${of}: axe ${axe.version} finds no violation in ${passed.length} rules`);
      }
      await tab.close();
    }
  }
  await keys(all);
  await hostile(all);
  await noScript(pages);
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);

// keys finds a record, marks it and the next one, and writes a note, without a mouse.
async function keys(all) {
  const tab = await open();
  await tab.goto(`${origin}/`);
  const focus = () => tab.evaluate(() => {
    const e = document.activeElement, style = getComputedStyle(e);
    return { link: e.tagName === 'A', text: e.innerText || e.name, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
  });
  const press = async (key, loads) => {
    if (loads) await Promise.all([tab.waitForNavigation(), tab.keyboard.press(key)]);
    else await tab.keyboard.press(key);
  };
  await press('Tab');
  check((await focus()).text === 'Skip to the content', 'the first stop of the Tab key skips to the content');
  let at = await focus(), stops = 0;
  for (; !(at.link && at.text.includes('faults')) && stops < 30; stops++) { // the table is a stop too, and has the names of all runs
    await press('Tab');
    at = await focus();
    check(at.seen, `the focus is seen on ${at.text}`);
  }
  await press('Enter', true);
  check(tab.url() === all.faults, 'Tab and Enter open a run');
  await tab.goto(`${all.faults}records`);
  await press('/');
  await tab.keyboard.type('Electron');
  await press('Enter', true);
  check(tab.url().includes('text=Electron'), '/ leads to the search, and Enter searches');
  await press('j');
  const one = (await focus()).text;
  await press('j');
  const two = (await focus()).text;
  check(one && two && one !== two, `j goes from ${one} to ${two}`);
  await press('k');
  check((await focus()).text === one, 'k goes back');
  await press('Enter', true);
  const record = tab.url();
  await press('e');
  await tab.keyboard.type('jn?y');
  check(await tab.$eval('textarea[name=note]', (e) => e === document.activeElement && e.value === 'jn?y'), 'keys in a field are text');
  await press('Escape');
  await press('y', true);
  check(tab.url() !== record && tab.url().includes('text=Electron'), 'y marks the answer and shows the next one of the selection');
  await press('n', true);
  await press('k', true);
  await press('k', true);
  const said = await tab.$eval('.judge', (e) => e.innerText);
  check(tab.url() === record && /Marked right/.test(said), 'the mark is kept');
  check(await tab.$eval('textarea[name=note]', (e) => e.value === 'jn?y'), 'the note is kept');
  await press('?');
  check(await tab.$eval('footer details', (e) => e.open), '? shows the keys');
  await press('u', true);
  check(tab.url().includes('/records?') && tab.url().includes('text=Electron'), 'u leads back to the list');
  if (folder) await tab.screenshot({ path: join(folder, 'ui-keys.png') });
  check(tab.faults.length === 0, `keys: no fault ${tab.faults.join(' ')}`);
  await tab.close();
}

// hostile opens every record of a run whose texts, answers and addresses are attacks.
async function hostile(all) {
  const tab = await open();
  await tab.goto(`${all.hostile}records`);
  await whole(tab);
  const addresses = await tab.$$eval('[data-row]', (list) => list.map((a) => a.href));
  let bad = 0;
  for (const address of [all.hostile, `${all.hostile}records`, ...addresses, `${all.hostile}compare?with=${new URL(all.faults).pathname.split('/')[2]}&all=1`]) {
    await tab.goto(address);
    const odd = await tab.evaluate(() => [
      ...Array.from(document.querySelectorAll('script:not([src="/ui.js"]), style, iframe, object, embed, img, base, form:not([action^="/run/"])'), (e) => e.outerHTML),
      ...Array.from(document.querySelectorAll('*'), (e) => Array.from(e.attributes)).flat().filter((a) => /^on|^style$/i.test(a.name)).map((a) => `${a.name}=${a.value}`),
      ...Array.from(document.querySelectorAll('a[href]'), (a) => a.href).filter((h) => !/^https?:/.test(h)),
    ]);
    if (odd.length) {
      bad++;
      console.log(`     ${address}: ${odd.slice(0, 3).join(' ')}`);
    }
  }
  check(addresses.length > 40 && bad === 0 && tab.faults.length === 0, `${addresses.length} hostile records are text ${tab.faults.join(' ')}`);
  if (folder) {
    await tab.goto(addresses[0]);
    await tab.screenshot({ path: join(folder, 'ui-hostile.png'), fullPage: true });
  }
  await tab.close();
}

// follow looks at a run under way, whose page changes without being read again.
async function follow(all) {
  const tab = await open();
  await tab.goto(all.live);
  await tab.evaluate(() => { globalThis.stays = true; });
  const before = await tab.$eval('.verdict', (e) => e.innerText);
  if (folder) await tab.screenshot({ path: join(folder, 'ui-live.png'), fullPage: true });
  writeFileSync(live, '');
  const changed = await tab.waitForFunction((was) => document.querySelector('.verdict').innerText !== was, { timeout: 60_000 }, before).catch(() => null);
  const ended = changed && await tab.waitForFunction(() => /^Finished/.test(document.querySelector('.verdict').innerText), { timeout: 60_000 }).catch(() => null);
  const after = await tab.$eval('.verdict', (e) => e.innerText);
  check(ended && await tab.evaluate(() => globalThis.stays), `the page follows the run: ${before} → ${after}`);
  await tab.close();
}

// noScript reads the pages as a browser without script does.
async function noScript(pages) {
  const tab = await open();
  await tab.setJavaScriptEnabled(false);
  for (const [name, words] of Object.entries({ runs: /faults/, run: /What went wrong/, records: /Search/, record: /Attempts and raw answers/, compare: /What only one of them has/, review: /Review/ })) {
    await tab.goto(pages[name]);
    check(words.test(await tab.$eval('main', (e) => e.innerText)), `without script the page ${name} is there`);
  }
  await tab.goto(pages.records);
  await tab.type('input[type=search]', 'Electron');
  await Promise.all([tab.waitForNavigation(), tab.keyboard.press('Enter')]);
  check((await tab.$$('[data-row]')).length > 0, 'without script a search finds records');
  await tab.close();
}
