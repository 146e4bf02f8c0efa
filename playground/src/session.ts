import type { Effect, Grant, Person } from './documents';
import { Operation } from './documents';
import type { Headers, Reply, Send } from './requests';
import { hasError } from './requests';

/** Who is signed in, and the tokens, which are in the memory of this page only. */

export type Status = 'unknown' | 'signedOut' | 'signedIn';

/** Something that the user has to know. */
export type Note = 'sessionOver' | 'tokenNotSelected' | 'signOutFailed';

export interface Snapshot {
  status: Status;
  user: Person | null;
  /** When the access token stops working, by the clock of the browser. */
  expiresAt: number | null;
  isRefreshing: boolean;
  canRefresh: boolean;
  note: Note | null;
}

/** What a session needs of the browser. */
export interface Surroundings {
  now(): number;
  /** Runs something while no other tab runs it. */
  exclusively<T>(run: () => Promise<T>): Promise<T>;
  /** Tells the other tabs that the session in the cookie is another one. */
  announce(): void;
}

type Renewal = { by: 'cookie' } | { by: 'token'; refreshToken: string } | { by: 'nothing' };

const PERSON = 'firstName lastName email';
const REFRESH = `mutation Refresh($input: RefreshTokenInput) {
  refreshToken(input: $input) { token expiresAt refreshToken user { ${PERSON} } }
}`;
const LOGOUT = 'mutation Logout { logout }';
const VIEWER = `query Viewer { viewer { ${PERSON} } }`;

// Long before REFRESH_GRACE is over, after which asking again would be taken for theft.
const WAIT_FOR_REFRESH = 10_000;
// The header Date has no parts of a second, and servers do not look at the clock each time. Too
// early a refresh does no harm; `viewer` is null without an error when it comes too late.
const DOUBT = 2_000;

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
  // Whether there is a cookie no script can see; the first refresh tells.
  private renewal: Renewal = { by: 'cookie' };
  private refreshing: Promise<boolean> | null = null;
  // Counts who has been signed in, so that an answer that comes late changes nothing.
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

  /** Takes up the session that a cookie carries, if there is one. */
  async resume(): Promise<void> {
    await this.refresh();
    if (this.state.status === 'unknown') this.change({ status: 'signedOut' });
  }

  /** Takes up what another tab has done to the session in the cookie. */
  async follow(): Promise<void> {
    if (this.state.status === 'signedIn' && this.renewal.by !== 'cookie') return;
    this.generation += 1;
    this.renewal = { by: 'cookie' };
    this.refreshing = null;
    await this.refresh(null);
  }

  /** Returns the header that carries the access token, after a refresh if it has expired. */
  async headers(): Promise<Headers> {
    const isUnknown = this.accessToken === null && this.renewal.by === 'cookie';
    if (this.refreshing || isUnknown || this.isExpired()) await this.refresh();
    return this.accessToken === null ? {} : { Authorization: `Bearer ${this.accessToken}` };
  }

  /** Runs what sets the cookie while no refresh does, whose answer could come later. */
  readonly undisturbed = <T>(run: () => Promise<T>): Promise<T> =>
    this.surroundings.exclusively(run);

  /** Sees to another access token of the same user than the one that was refused. */
  async renew(refused: Headers, owner?: string): Promise<boolean> {
    const isOld = refused.Authorization !== `Bearer ${this.accessToken}`;
    const isRenewed = (this.accessToken !== null && isOld) || (await this.refresh());
    return isRenewed && (owner === undefined || owner === this.state.user?.email);
  }

  /** Takes up what an answer to the user has done to the session. */
  async apply(effect: Effect, reply: Reply): Promise<void> {
    if (effect.kind === 'signedOut') {
      this.forget(null);
      this.surroundings.announce();
      return;
    }
    this.refreshing = null;
    const isSignedIn = await this.adopt(effect.grant, reply);
    if (!isSignedIn) this.change({ note: 'tokenNotSelected' });
    if (this.renewal.by === 'cookie') this.surroundings.announce();
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

  /** Refreshes once for all who ask meanwhile; whether there is an access token then. */
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
