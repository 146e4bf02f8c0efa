/** Removes passwords and tokens from text that leaves the memory of the page. */

const SECRET_NAMES = [
  'password',
  'currentPassword',
  'newPassword',
  'token',
  'refreshToken',
  'deviceToken',
];

// Text that is being typed is seldom valid syntax, so this works on text, not on syntax trees.
const GAP = String.raw`(?:[\s,\uFEFF]|#[^\n]*(?=\n|$))*`;
const TEXT = String.raw`(?:"""(?:\\"""|[^])*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?)`;
const TYPE = String.raw`[\w[\]!]+`;
const JSON_GAP = String.raw`(?:\s|//[^\n]*(?=\n|$)|/\*(?:[^*]|\*(?!/))*\*/)*`;
const JSON_VALUE = String.raw`(?:"(?:\\.|[^"\\\n])*"?|[^\s",{}[\]]+)`;

interface Texts {
  query: string | null;
  variables?: string | null;
}

/** Returns the texts with every secret value blanked, also in variables. */
export function blanked<T extends Texts>(texts: T): T {
  const names = [...SECRET_NAMES, ...variablesOfSecrets(texts.query ?? '')];
  const copy = { ...texts };
  if (copy.query) copy.query = blankDocument(copy.query, names);
  if (copy.variables) copy.variables = blankVariables(copy.variables, names);
  return copy;
}

function variablesOfSecrets(query: string): string[] {
  const use = new RegExp(`\\b(?:${SECRET_NAMES.join('|')})${GAP}:${GAP}\\$(\\w+)`, 'g');
  return [...query.matchAll(use)].flatMap(([, name]) => name ?? []);
}

function blankDocument(query: string, names: string[]): string {
  const argument = new RegExp(`\\b((?:${names.join('|')})${GAP}:${GAP})${TEXT}`, 'g');
  const fallback = new RegExp(
    `(\\$(?:${names.join('|')})${GAP}:${GAP}${TYPE}${GAP}=${GAP})${TEXT}`,
    'g',
  );
  return query.replace(argument, '$1""').replace(fallback, '$1""');
}

function blankVariables(variables: string, names: string[]): string {
  const member = new RegExp(`("(?:${names.join('|')})"${JSON_GAP}:${JSON_GAP})${JSON_VALUE}`, 'g');
  return variables.replace(member, '$1""');
}
