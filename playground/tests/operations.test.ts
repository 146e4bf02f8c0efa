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
import { READY_OPERATIONS } from '../src/operations';

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));

test.each(READY_OPERATIONS)('$name fits the schema of the server', ({ query, variables }) => {
  const document = parse(query);
  const [operation] = document.definitions;
  if (operation?.kind !== 'OperationDefinition') throw new Error('no operation');
  const values = variables ? JSON.parse(variables) : {};

  expect(validate(schema, document)).toEqual([]);
  for (const { variable, type } of operation.variableDefinitions ?? []) {
    const inputType = typeFromAST(schema, type as never) as GraphQLInputType;
    expect(isInputType(inputType)).toBe(true);
    coerceInputValue(values[variable.name.value], inputType, (path, _value, error) => {
      throw new Error(`${path.join('.')}: ${error.message}`);
    });
  }
});

test.each(READY_OPERATIONS)('the tab of $name has its name', ({ name, query }) => {
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

test.each(['Register', 'Login'])('%s is sent with a session in a cookie', (name) => {
  const operation = READY_OPERATIONS.find((each) => each.name === name);

  expect(JSON.parse(operation?.variables ?? '').input.useCookie).toBe(true);
});

test.each([true, false])('a secure context (%s) decides on the cookie', async (isSecureContext) => {
  vi.stubGlobal('isSecureContext', isSecureContext);
  vi.resetModules();
  const { readyOperation } = await import('../src/operations');

  const { input } = JSON.parse(readyOperation('Login')?.variables ?? '');

  expect(input.useCookie).toBe(isSecureContext);
  vi.unstubAllGlobals();
});
