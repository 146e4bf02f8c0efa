import type { Effect, Grant, Person } from './documents';
import { Operation } from './documents';
import type { Answer, Headers, Reply, Send } from './requests';
import { hasError } from './requests';

/** The user and the tokens, which are only in the memory of this page. */

export type Status = 'unknown' | 'signedOut' | 'signedIn';

/** A notice for the user. */
export type Note =
  | 'sessionOver'
  | 'tokenNotSelected'
  | 'signOutFailed'
  | 'emailTaken'
  | 'emailUnconfirmed'
  | 'wrongCredentials'
  | 'linkExpired'
  | 'notAvailable';

export interface Snapshot {
  status: Status;
  user: Person | null;
  /** When the access token expires, by the clock of the browser. */
  expiresAt: number | null;
  isRefreshing: boolean;
  canRefresh: boolean;
  note: Note | null;
}

/** The browser features that a session uses. */
export interface Surroundings {
  now(): number;
  /** Runs a function while no other tab does. */
  exclusively<T>(run: () => Promise<T>): Promise<T>;
  /** Notifies the other tabs that the cookie has another session. */
  announce(): void;
}

type Renewal = { by: 'cookie' } | { by: 'token'; refreshToken: string } | { by: 'nothing' };

const PERSON = 'firstName lastName email';
const REFRESH = `mutation Refresh($input: RefreshTokenInput) {
  refreshToken(input: $input) { token expiresAt refreshToken user { ${PERSON} } }
}`;
const LOGOUT = 'mutation Logout { logout }';
const VIEWER = `query Viewer { viewer { ${PERSON} } }`;

// Far below REFRESH_GRACE: after it, a retry counts as theft of the token.
const WAIT_FOR_REFRESH = 10_000;
// The Date header has whole seconds, and servers cache it. An early refresh does no harm; a late
// one costs a request that is refused.
const DOUBT = 2_000;

// The errors that another operation, a mail or a setting solves.
const NOTES = new Map<string, Note>([
  ['LINK_EXPIRED', 'linkExpired'],
  ['NOT_AVAILABLE', 'notAvailable'],
]);
const LOGIN_NOTES = new Map<string, Note>([
  ...NOTES,
  ['EMAIL_TAKEN', 'emailTaken'],
  ['EMAIL_UNCONFIRMED', 'emailUnconfirmed'],
  ['INVALID_CREDENTIALS', 'wrongCredentials'],
]);

const SIGNED_OUT: Snapshot = {
  status: 'signedOut',
  user: null,
  expiresAt: null,
  isRefreshing: false,
  canRefresh: false,
  note: null,
};

export class Session {
  private accessToken: string | null = null;
  // Whether there is an HttpOnly cookie; unknown until the first refresh.
  private renewal: Renewal = { by: 'cookie' };
  private refreshing: Promise<boolean> | null = null;
  // Incremented at each change of user, so that a late response changes nothing.
  private generation = 0;
  private state: Snapshot = { ...SIGNED_OUT, status: 'unknown', canRefresh: true };
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly send: Send,
    private readonly surroundings: Surroundings,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.state;

  /** Resumes the session in the cookie, if there is one. */
  async resume(): Promise<void> {
    await this.refresh();
    if (this.state.status === 'unknown') this.change({ status: 'signedOut' });
  }

  /** Follows a change of the session in the cookie by another tab. */
  async follow(): Promise<void> {
    if (this.state.status === 'signedIn' && this.renewal.by !== 'cookie') return;
    this.generation += 1;
    this.renewal = { by: 'cookie' };
    this.refreshing = null;
    await this.refresh(null);
  }

  /** Returns the header with the access token; refreshes an expired one first. */
  async headers(): Promise<Headers> {
    const isUnknown = this.accessToken === null && this.renewal.by === 'cookie';
    if (this.refreshing || isUnknown || this.isExpired()) await this.refresh();
    return this.accessToken === null ? {} : { Authorization: `Bearer ${this.accessToken}` };
  }

  /** Runs a request that sets the cookie while no refresh runs, whose response could come later. */
  readonly undisturbed = <T>(run: () => Promise<T>): Promise<T> =>
    this.surroundings.exclusively(run);

  /** Replaces a rejected access token by another one of the same user. */
  async renew(refused: Headers, owner?: string): Promise<boolean> {
    const isOld = refused.Authorization !== `Bearer ${this.accessToken}`;
    const isRenewed = (this.accessToken !== null && isOld) || (await this.refresh());
    return isRenewed && (owner === undefined || owner === this.state.user?.email);
  }

  /** Applies the effect of a response to the session. */
  async apply(effect: Effect, reply: Reply): Promise<void> {
    if (effect.kind === 'signedOut') {
      this.forget(null);
      this.surroundings.announce();
      return;
    }
    if (effect.kind === 'changed') {
      if (this.accessToken === null) return;
      void this.askWhoIsSignedIn();
      if (this.renewal.by === 'cookie') this.surroundings.announce();
      return;
    }
    this.refreshing = null;
    const isSignedIn = await this.adopt(effect.grant, reply);
    if (!isSignedIn) this.change({ note: 'tokenNotSelected' });
    if (this.renewal.by === 'cookie') this.surroundings.announce();
  }

  /** Shows what to do about an error, until the next response. */
  noteErrors({ errors = [] }: Answer, isLogin: boolean): void {
    const known = isLogin ? LOGIN_NOTES : NOTES;
    const notes = errors.map(({ extensions }) => known.get(extensions?.code ?? ''));
    const note = notes.find((each) => each !== undefined) ?? null;
    const isShown = [...LOGIN_NOTES.values()].some((each) => each === this.state.note);
    if (note || isShown) this.change({ note });
  }

  async signOut(): Promise<void> {
    const headers = await this.headers();
    const { generation } = this;
    const { answer } = await this.send({ query: LOGOUT }, headers);
    if (generation !== this.generation) return;
    if (answer.data?.logout !== true && !hasError(answer, 'UNAUTHENTICATED')) {
      this.change({ note: 'signOutFailed' });
      return;
    }
    this.forget(null);
    this.surroundings.announce();
  }

  /** Shares one refresh among all callers; returns whether there is an access token afterwards. */
  private refresh(noteWhenOver: Note | null = this.noteWhenOver()): Promise<boolean> {
    if (this.refreshing) return this.refreshing;
    const { generation } = this;
    const refreshing = this.surroundings
      .exclusively(() => this.exchange(generation, noteWhenOver))
      .finally(() => {
        if (this.refreshing === refreshing) this.refreshing = null;
        this.change({ isRefreshing: this.refreshing !== null });
      });
    this.refreshing = refreshing;
    this.change({ isRefreshing: true });
    return refreshing;
  }

  private async exchange(generation: number, noteWhenOver: Note | null): Promise<boolean> {
    if (this.renewal.by === 'nothing' || generation !== this.generation) {
      return this.accessToken !== null;
    }
    const request = { query: REFRESH, variables: variablesOf(this.renewal) };
    const reply = await this.send(request, {}, WAIT_FOR_REFRESH);
    if (generation !== this.generation) return this.accessToken !== null;
    const effect = Operation.read(request)?.effect(reply.answer.data);
    if (effect?.kind === 'signedIn') return this.adopt(effect.grant, reply);
    const isOver = ['UNAUTHENTICATED', 'FORBIDDEN'].some((code) => hasError(reply.answer, code));
    if (isOver) this.forget(noteWhenOver);
    return false;
  }

  private async adopt(grant: Grant, { serverTime }: Reply): Promise<boolean> {
    const { token, expiresAt, user = null } = grant;
    const renewal = renewalBy(grant, this.renewal);
    if (token === undefined && renewal.by === 'nothing') return false;
    this.renewal = renewal;
    this.generation += 1;
    if (token === undefined) {
      this.refreshing = null;
      return this.refresh();
    }
    const lifetime = expiresAt === undefined ? null : Date.parse(expiresAt) - serverTime - DOUBT;
    this.accessToken = token;
    this.change({
      status: 'signedIn',
      user,
      expiresAt: lifetime === null ? null : this.surroundings.now() + lifetime,
      canRefresh: this.renewal.by !== 'nothing',
      note: null,
    });
    if (!isWhole(user)) void this.askWhoIsSignedIn();
    return true;
  }

  private async askWhoIsSignedIn(): Promise<void> {
    const { generation } = this;
    const { answer } = await this.send({ query: VIEWER }, await this.headers());
    const user = answer.data?.viewer as Person | null | undefined;
    if (user && generation === this.generation) this.change({ user });
  }

  private forget(note: Note | null): void {
    this.generation += 1;
    this.accessToken = null;
    this.renewal = { by: 'nothing' };
    this.change({ ...SIGNED_OUT, isRefreshing: this.refreshing !== null, note });
  }

  private noteWhenOver(): Note | null {
    return this.state.status === 'signedIn' ? 'sessionOver' : null;
  }

  private isExpired(): boolean {
    const { expiresAt, canRefresh } = this.state;
    return canRefresh && expiresAt !== null && expiresAt <= this.surroundings.now();
  }

  private change(changes: Partial<Snapshot>): void {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener();
  }
}

function variablesOf(renewal: Renewal): { input?: { refreshToken: string } } {
  return renewal.by === 'token' ? { input: { refreshToken: renewal.refreshToken } } : {};
}

function renewalBy({ refreshToken, inCookie }: Grant, before: Renewal): Renewal {
  if (refreshToken) return { by: 'token', refreshToken };
  if (inCookie ?? refreshToken === null) return { by: 'cookie' };
  return inCookie === undefined ? before : { by: 'nothing' };
}

const isWhole = (user: Person | null) =>
  [user?.firstName, user?.lastName, user?.email].every((value) => value !== undefined);
