import type {
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql';
import { Kind, parse, valueFromASTUntyped } from 'graphql';
import type { GraphQLRequest } from './requests';

/** The effect of a request on the session, read from its document; aliases are resolved. */

export interface Person {
  firstName?: string;
  lastName?: string;
  email?: string;
}

/** The selected fields of an `AuthPayload`. */
export interface Grant {
  token?: string;
  expiresAt?: string;
  refreshToken?: string | null;
  user?: Person;
  /** Whether the refresh token is in a cookie; undefined if that does not change. */
  inCookie?: boolean | undefined;
}

export type Effect =
  | { kind: 'signedIn'; grant: Grant }
  | { kind: 'signedOut' }
  /** The names or the e-mail of the user have changed. */
  | { kind: 'changed' };

type Data = Record<string, unknown>;
type Fields = [FieldNode, ...FieldNode[]];
type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

const LOGINS = ['register', 'login'];
const SIGN_INS = [...LOGINS, 'confirmSignUp', 'resetPassword', 'signInWithLink'];
const GRANTS = [...SIGN_INS, 'refreshToken', 'changePassword'];
const SIGN_OUTS = ['logout', 'logoutEverywhere'];
const CHANGES = ['updateProfile', 'confirmEmailChange'];

export class Operation {
  private constructor(
    private readonly definition: OperationDefinitionNode,
    private readonly fragments: Fragments,
    private readonly variables: Data,
  ) {}

  /** Reads the operation that a request executes; null if the request is invalid. */
  static read({ query, operationName, variables = {} }: GraphQLRequest): Operation | null {
    const document = parsed(query);
    const definitions = document?.definitions ?? [];
    const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
    // After a change of the document, GraphiQL may still send the previous operation name.
    const chosen =
      operations.length === 1
        ? operations[0]
        : operations.find((node) => node.name?.value === operationName);
    if (!chosen) return null;
    const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
    const byName = new Map(fragments.map((node) => [node.name.value, node]));
    return new Operation(chosen, byName, { ...defaultsOf(chosen), ...variables });
  }

  get name(): string | undefined {
    return this.definition.name?.value;
  }

  /** Whether it returns an access token and needs none. */
  get signsIn(): boolean {
    return this.hasOneOf(SIGN_INS);
  }

  /** Whether it signs in without a link in a mail. */
  get isLogin(): boolean {
    return this.hasOneOf(LOGINS);
  }

  get refreshes(): boolean {
    return this.hasOneOf(['refreshToken']);
  }

  /** Returns the effect of its response on the session; if there are several, the last one. */
  effect(data: Data | null | undefined): Effect | null {
    if (!data) return null;
    const effects = [...byKey(this.rootFields())].map(([key, fields]) =>
      this.effectOf(fields, data[key]),
    );
    return effects.findLast((effect) => effect !== null) ?? null;
  }

  private effectOf([field, ...others]: Fields, value: unknown): Effect | null {
    const name = field.name.value;
    if (SIGN_OUTS.includes(name) && value === true) return { kind: 'signedOut' };
    if (!isData(value)) return null;
    if (name === 'deleteAccount') return { kind: 'signedOut' };
    if (CHANGES.includes(name)) return { kind: 'changed' };
    if (!GRANTS.includes(name)) return null;
    const grant = this.grantOf(selectedBy([field, ...others]), value);
    return { kind: 'signedIn', grant: { ...grant, inCookie: this.inCookie(field) } };
  }

  private grantOf(selectionSet: SelectionSetNode, data: Data): Grant {
    const names = ['token', 'expiresAt', 'refreshToken'];
    const grant: Grant = this.selected(selectionSet, data, names);
    for (const field of fieldsOf(selectionSet, this.fragments)) {
      const user = data[keyOf(field)];
      if (field.name.value !== 'user' || !isData(user)) continue;
      const person = this.selected(selectedBy([field]), user, ['firstName', 'lastName', 'email']);
      grant.user = { ...grant.user, ...person };
    }
    return grant;
  }

  /** Returns values by field name; the data has them by response key (alias). */
  private selected(selectionSet: SelectionSetNode, data: Data, names: string[]): Data {
    const fields = fieldsOf(selectionSet, this.fragments);
    const wanted = fields.filter(({ name }) => names.includes(name.value));
    return Object.fromEntries(wanted.map((field) => [field.name.value, data[keyOf(field)]]));
  }

  private inCookie(field: FieldNode): boolean | undefined {
    const argument = field.arguments?.find(({ name }) => name.value === 'input');
    const input = argument && valueFromASTUntyped(argument.value, this.variables);
    if (field.name.value === 'refreshToken') return !isData(input);
    if (field.name.value === 'changePassword') return undefined;
    return isData(input) && input.useCookie === true;
  }

  private hasOneOf(names: string[]): boolean {
    return this.rootFields().some(({ name }) => names.includes(name.value));
  }

  private rootFields(): FieldNode[] {
    return fieldsOf(this.definition.selectionSet, this.fragments);
  }
}

/** Whether it selects only the schema, which needs no token. */
export function isIntrospection({ query }: GraphQLRequest): boolean {
  return /^\s*query IntrospectionQuery\b/.test(query);
}

function parsed(query: string): DocumentNode | null {
  try {
    return parse(query, { noLocation: true });
  } catch {
    return null;
  }
}

function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Data {
  const withDefault = variableDefinitions.flatMap(({ variable, defaultValue }) =>
    defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)] as const] : [],
  );
  return Object.fromEntries(withDefault);
}

function fieldsOf(
  { selections }: SelectionSetNode,
  fragments: Fragments,
  // A fragment adds its fields once, also if it is spread several times.
  spread = new Set<string>(),
): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection;
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return fieldsOf(selection.selectionSet, fragments, spread);
    }
    const fragment = fragments.get(selection.name.value);
    if (!fragment || spread.has(fragment.name.value)) return [];
    spread.add(fragment.name.value);
    return fieldsOf(fragment.selectionSet, fragments, spread);
  });
}

/** Groups selections with the same response key: they are one field in several parts. */
function byKey(fields: FieldNode[]): Map<string, Fields> {
  const groups = new Map<string, Fields>();
  for (const field of fields) {
    const group = groups.get(keyOf(field));
    if (group) group.push(field);
    else groups.set(keyOf(field), [field]);
  }
  return groups;
}

function selectedBy(fields: FieldNode[]): SelectionSetNode {
  const selections = fields.flatMap(({ selectionSet }) => selectionSet?.selections ?? []);
  return { kind: Kind.SELECTION_SET, selections };
}

const keyOf = ({ alias, name }: FieldNode) => (alias ?? name).value;

const isData = (value: unknown): value is Data => typeof value === 'object' && value !== null;
