import { expect, test } from 'vitest';
import { linkTo, readLink } from '../src/links';
import { LINK_OPERATIONS } from '../src/mail_links';
import { READY_OPERATIONS } from '../src/operations';

const ADDRESS = 'http://localhost:4001/graphql?x=1#old';

test('a link leads back to what it was made of', () => {
  const linked = {
    query: 'query A($a: String) { b(c: $a, d: "50% + & #") }\nquery E { e }',
    variables: '{"a": "ü"}',
    operationName: 'E',
  };

  const link = linkTo(ADDRESS, linked);

  expect(link).toMatch(/^http:\/\/localhost:4001\/graphql\?x=1#query=/);
  expect(readLink(new URL(link).hash)).toEqual(linked);
});

test('a link holds no password', () => {
  const query =
    'mutation ($p: String!) { login(input: {password: $p, token: "secret"}) { token } }';

  const link = linkTo(ADDRESS, { query, variables: '{"p": "secret"}' });

  expect(link).not.toContain('secret');
});

test('links that were encoded otherwise are read, too', () => {
  expect(readLink('#query=%7B%20welcome%20%7D')).toEqual({ query: '{ welcome }', variables: '' });
});

test('what cannot be the name of an operation is ignored', () => {
  const linked = readLink('#query=query+A{welcome}&operationName=(');

  expect(linked).toEqual({ query: 'query A{welcome}', variables: '' });
});

test.each([...READY_OPERATIONS, ...LINK_OPERATIONS])(
  '#$name opens a ready operation',
  ({ name, query, variables }) => {
    expect(readLink(`#${name.toLowerCase()}`)).toEqual({ query, variables });
  },
);

test.each([
  ['ConfirmSignUp', ['password', 'password']],
  ['ConfirmEmail', ['password', undefined]],
  ['ResetPassword', ['newPassword', 'newPassword']],
  ['ConfirmEmailChange', ['password', undefined]],
  ['SignInWithLink', [undefined, undefined]],
])('%s asks for the password that it needs, if the user is not or is signed in', (name, asked) => {
  const inputs = [false, true].map((isSignedIn) => {
    const { input } = JSON.parse(readLink(`#${name}`, isSignedIn)?.variables ?? '');
    return Object.keys(input).find((key) => input[key] === '');
  });

  expect(inputs).toEqual(asked);
});

test.each(['', '#', '#nothing', '#variables={}'])('%j links to nothing', (fragment) => {
  expect(readLink(fragment)).toBeNull();
});
