import { expect, test } from 'vitest';
import { clock } from '../src/clock';

test.each([
  [5, '00:05'],
  [65, '01:05'],
  [3_599, '59:59'],
  [7_200, '2:00:00'],
])('%d seconds read %s', (seconds, expected) => {
  expect(clock(seconds)).toBe(expected);
});
