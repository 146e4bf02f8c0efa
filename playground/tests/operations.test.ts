import { readFileSync } from 'node:fs';
import {
  buildSchema,
  coerceInputValue,
  type GraphQLInputType,
  isInputType,
  parse,
  typeFromAST,
  validate,
} from 'graphql';
import { expect, test, vi } from 'vitest';
import { Operation } from '../src/documents';
import { LINK_OPERATIONS, type LinkOperation } from '../src/mail_links';
import { READY_OPERATIONS, type ReadyOperation } from '../src/operations';

const ALL: (ReadyOperation & Partial<LinkOperation>)[] = [...READY_OPERATIONS, ...LINK_OPERATIONS];
const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));

test.each(ALL)('$name fits the schema of the server', (ready) => {
  const document = parse(ready.query);
  const [operation] = document.definitions;
  if (operation?.kind !== 'OperationDefinition') throw new Error('no operation');

  expect(validate(schema, document)).toEqual([]);
  for (const variables of [ready.variables, ready.variablesOfUser ?? ready.variables]) {
    const values = variables ? JSON.parse(variables) : {};
    for (const { variable, type } of operation.variableDefinitions ?? []) {
      const inputType = typeFromAST(schema, type as never) as GraphQLInputType;
      expect(isInputType(inputType)).toBe(true);
      coerceInputValue(values[variable.name.value], inputType, (path, _value, error) => {
        throw new Error(`${path.join('.')}: ${error.message}`);
      });
    }
  }
});

test('each mutation of the server that signs in or mails a link is ready', () => {
  const ready = ALL.flatMap(({ query }) => [...query.matchAll(/^ {2}(\w+)/gm)].map(([, it]) => it));
  const others = ['logoutEverywhere', 'revokeSession'];

  const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});
  expect(mutations.filter((name) => !ready.includes(name))).toEqual(others);
});

test.each(ALL)('the tab of $name has its name', ({ name, query }) => {
  expect(query).toMatch(new RegExp(`^(query|mutation) ${name}\\b`, 'm'));
});

test('the README and the ready operations have one user with one password', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const texts = [readme, ...READY_OPERATIONS.map(({ variables }) => variables)].join('\n');
  const distinct = (pattern: RegExp) =>
    new Set([...texts.matchAll(pattern)].map(([, value]) => value));

  expect(readme).toContain('ada@example.com');
  expect(distinct(/"?email\\?"?: \\?"([^"\\]+)/g)).toEqual(new Set(['ada@example.com']));
  expect(distinct(/"?\w*password\\?"?: \\?"([^"\\]+)/gi)).toEqual(new Set(['correct horse']));
});

test.each(ALL.filter(({ query }) => Operation.read({ query })?.signsIn))(
  '$name is sent with a session in a cookie',
  ({ variables }) => {
    expect(JSON.parse(variables).input.useCookie).toBe(true);
  },
);

test.each([true, false])('a secure context (%s) decides on the cookie', async (isSecureContext) => {
  vi.stubGlobal('isSecureContext', isSecureContext);
  vi.resetModules();
  const { readLink } = await import('../src/links');

  for (const name of ['Login', 'ResetPassword']) {
    const { input } = JSON.parse(readLink(`#${name}`)?.variables ?? '');
    expect(input.useCookie).toBe(isSecureContext);
  }
  vi.unstubAllGlobals();
});
