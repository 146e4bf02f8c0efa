// Fails if a browser downloads more than the budget (compressed).
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
  const isWithin = kilobytes <= KILOBYTES[what];
  if (!isWithin) console.log(`${what}: ${kilobytes} kB is above ${KILOBYTES[what]} kB`);
  return isWithin;
}

const isWithin = [
  check(
    'first load',
    sizes.filter((_, index) => isFirst(index)),
  ),
  check('all files', sizes),
];
process.exit(isWithin.every(Boolean) ? 0 : 1);
