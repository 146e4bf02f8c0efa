import { expect, test } from 'vitest';
import { blanked } from '../src/secrets';

const query = (text: string) => blanked({ query: text }).query;
const variables = (text: string, document = '') =>
  blanked({ query: document, variables: text }).variables;

test.each([
  ['login(input: {password: "secret"})', 'login(input: {password: ""})'],
  ['(input: {newPassword : """se "cr" et"""})', '(input: {newPassword : ""})'],
  ['(refreshToken:"a\\"secret", x: "y")', '(refreshToken:"", x: "y")'],
  ['(token # why\n , : "secret")', '(token # why\n , : "")'],
  ['{password: "secret', '{password: ""'],
  ['{password: """secret\n', '{password: ""'],
  ['($password: String! = "secret")', '($password: String! = "")'],
  ['# {deviceToken: "secret"}', '# {deviceToken: ""}'],
])('the literal of a secret is blanked: %s', (text, expected) => {
  expect(query(text)).toBe(expected);
});

test('everything else in a document stays', () => {
  const text = 'mutation ($password: String!) { a: login(input: {password: $password}) { token } }';

  expect(query(text)).toBe(text);
});

test.each([
  ['{"input": {"password": "secret", "a": 1}}', '{"input": {"password": "", "a": 1}}'],
  ['{"token" : /* " */ "se\\"cret"}', '{"token" : /* " */ ""}'],
  ['{"currentPassword": "secret', '{"currentPassword": ""'],
  ['{"password": 12345678, "a": 1}', '{"password": "", "a": 1}'],
  ['// "refreshToken": "secret"', '// "refreshToken": ""'],
])('the variable of a secret is blanked: %s', (text, expected) => {
  expect(variables(text)).toBe(expected);
});

test('a variable of another name that carries a secret is blanked as well', () => {
  const document = 'mutation ($pw: String! = "secret") { login(input: {password: $pw}) { token } }';

  expect(blanked({ query: document, variables: '{"pw": "secret", "x": "y"}' })).toEqual({
    query: document.replace('secret', ''),
    variables: '{"pw": "", "x": "y"}',
  });
});

test.each(['#', '/', '/*', '/**/', ' ', '"', ',', '#\n'])('much of %j takes no time', (text) => {
  const much = text.repeat(5_000);
  const query = `{ login(input: {password ${much} password ${much}`;
  const variables = `{"password" ${much} "password" ${much}`;

  expect(blanked({ query, variables }).query).toContain('login');
});
