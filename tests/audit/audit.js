// Runs every audit of the package graphql-http against a server: node audit.js URL
import { serverAudits } from 'graphql-http';

const AUDITS = 61;

const results = [];
for (const audit of serverAudits({ url: process.argv[2] })) {
  results.push(await audit.fn());
}
const failed = results.filter((result) => result.status !== 'ok');
for (const result of failed) {
  console.log(`${result.status}: ${result.id} ${result.name}: ${result.reason}`);
}
console.log(`${results.length - failed.length} of ${results.length} audits passed`);
process.exit(failed.length === 0 && results.length === AUDITS ? 0 : 1);
