// Opens report.html in Chromium, light and dark, on a wide and on a narrow screen, and runs axe-core on it. The page must load nothing,
// run no script but its own, and be as wide as the screen; its search must hide answers. With a third argument it leaves pictures there.
//
//	node check.mjs REPORT.html CHROMIUM [FOLDER]
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import puppeteer from 'puppeteer-core';

const [page, chromium, folder] = process.argv.slice(2);
if (!chromium) throw new Error('usage: node check.mjs REPORT.html CHROMIUM [FOLDER]');
const url = pathToFileURL(resolve(page)).href;
let failed = 0;
const check = (ok, text) => {
  console.log(`${ok ? 'ok' : 'FAIL'} ${text}`);
  failed += ok ? 0 : 1;
};

const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--lang=en'] });
try {
  for (const scheme of ['light', 'dark']) {
    for (const width of [1200, 360]) {
      const name = `${scheme}, ${width} px`;
      const tab = await browser.newPage();
      const requests = [], faults = [];
      tab.on('request', (r) => r.url() !== url && requests.push(r.url()));
      tab.on('pageerror', (e) => faults.push(String(e)));
      tab.on('console', (m) => m.type() === 'error' && faults.push(m.text()));
      tab.on('dialog', (d) => faults.push(`dialog: ${d.message()}`) && d.dismiss());
      await tab.setViewport({ width, height: 900 });
      await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await tab.goto(url);
      check(requests.length === 0, `${name}: it requests nothing ${requests.join(' ')}`);
      const over = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(over <= 0, `${name}: nothing is wider than the screen (${over} px)`);
      if (folder) await tab.screenshot({ path: join(folder, `${scheme}-${width}.png`), fullPage: true });
      const answers = await tab.$$eval('.answer', (all) => all.length);
      if (answers > 1) {
        const word = await tab.$eval('.answer code', (e) => e.textContent);
        await tab.type('#search input', word);
        const shown = await tab.$$eval('.answer:not([hidden])', (all) => all.length);
        check(shown > 0 && shown < answers, `${name}: the search for ${word} shows ${shown} of ${answers} answers`);
        await tab.$eval('#search input', (e) => { e.value = ''; e.dispatchEvent(new Event('input')); });
      }
      check(faults.length === 0, `${name}: it has no fault ${faults.join(' ')}`);
      await tab.setBypassCSP(true); // the page's policy lets axe's script in no more than any other
      await tab.reload();
      await tab.evaluate(axe.source);
      await tab.$$eval('details', (all) => all.forEach((e) => { e.open = true; }));
      const { violations, passes } = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      for (const v of violations) console.log(`     ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' | ')}`);
      check(violations.length === 0 && passes.length > 10, `${name}: axe ${axe.version} finds no violation in ${passes.length} rules`);
      await tab.close();
    }
  }
  const tab = await browser.newPage();
  await tab.setJavaScriptEnabled(false);
  await tab.goto(url);
  const text = await tab.$eval('body', (e) => e.innerText);
  check(/What was sent/.test(text) && /What came back/.test(text), 'without scripts the page is there');
  if (folder) await tab.pdf({ path: join(folder, 'print.pdf'), format: 'A4' });
} finally {
  await browser.close();
}
process.exit(failed ? 1 : 0);
