import { expect, test } from 'vitest';
import { readLink } from '../src/links';
import { keepToken, LINK_OPERATIONS, withTokens } from '../src/mail_links';
import { READY_OPERATIONS } from '../src/operations';

const TOKEN = 'aWQ.c2VjcmV0-_';

test.each(LINK_OPERATIONS)('the token of #$fragment is only in the request', (operation) => {
  const fragment = keepToken(`#${operation.fragment}=${TOKEN}`);
  const linked = readLink(fragment ?? '');
  const variables = JSON.parse(linked?.variables ?? '');
  const request = withTokens({ query: linked?.query ?? '', variables });

  expect(fragment).toBe(`#${operation.name}`);
  expect(JSON.stringify(linked)).not.toContain(TOKEN);
  expect(request.variables).toEqual({ input: { ...variables.input, token: TOKEN } });
});

test('links of two kinds have a token each, and the later one of a kind counts', () => {
  for (const link of ['#reset=first', '#confirm=other', '#reset=second']) keepToken(link);
  const tokenOf = (name: string) => {
    const variables = JSON.parse(readLink(`#${name}`)?.variables ?? '');
    const filled = withTokens({ query: '', variables }).variables as typeof variables;
    return filled.input.token;
  };

  expect([tokenOf('ResetPassword'), tokenOf('ConfirmEmail')]).toEqual(['second', 'other']);
});

test.each(READY_OPERATIONS)('the variables of $name stay as they are', ({ query, variables }) => {
  const request = { query, ...(variables && { variables: JSON.parse(variables) }) };

  expect(withTokens(request)).toEqual(request);
});

test.each(['', '#', '#reset', '#reset=', '#login', '#query=a', '#constructor=a', '#x=1&reset=a'])(
  '%j has no token',
  (fragment) => {
    expect(keepToken(fragment)).toBeNull();
  },
);
