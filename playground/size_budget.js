// Prints how much a browser downloads (compressed), and fails above the budget.
import { readdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const KILOBYTES = { 'first load': 1_700, 'all files': 1_950 };
const ASSETS = fileURLToPath(new URL('../graphql_auth/static/assets', import.meta.url));

const names = await readdir(ASSETS);
const assets = names.filter((name) => !name.endsWith('.gz'));
const sizes = await Promise.all(assets.map(sizeOf));
const isFirst = (index) => !assets[index].startsWith('lazy-');

async function sizeOf(name) {
  const sent = names.includes(`${name}.gz`) ? `${name}.gz` : name;
  return (await stat(`${ASSETS}/${sent}`)).size;
}

function check(what, chosen) {
  const kilobytes = Math.ceil(chosen.reduce((sum, size) => sum + size, 0) / 1000);
  const isTooMuch = kilobytes > KILOBYTES[what];
  const limit = `of ${KILOBYTES[what]} kB${isTooMuch ? ': too much' : ''}`;
  console.log(`${what}: ${chosen.length} files, ${kilobytes} kB ${limit}`);
  return !isTooMuch;
}

const isWithin = [
  check(
    'first load',
    sizes.filter((_, index) => isFirst(index)),
  ),
  check('all files', sizes),
];
process.exit(isWithin.every(Boolean) ? 0 : 1);
