import { Operation } from '../src/documents';
import type { Answer, GraphQLRequest, Headers, Send } from '../src/requests';
import { Session } from '../src/session';

/** A minimal server for one user, which knows the valid access token. */

export const PERSON = { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com' };
export const LIFETIME = 60_000;

const DENIED: Answer = { errors: [{ message: '', extensions: { code: 'UNAUTHENTICATED' } }] };

export class Server {
  clock = 1_000_000_000;
  hasCookie = false;
  person = PERSON;
  refreshToken: string | null = null;
  issued = 0;
  /** If set, responds instead of this server. */
  trouble: Answer | null = null;
  readonly requests: { request: GraphQLRequest; headers: Headers }[] = [];
  private isRevoked = true;

  readonly send: Send = async (request, headers = {}) => {
    this.requests.push({ request, headers });
    await Promise.resolve();
    return { answer: this.trouble ?? this.answer(request, headers), serverTime: this.clock };
  };

  /** How often a field was requested. */
  count(field: string): number {
    return this.requests.filter(({ request }) => request.query.includes(field)).length;
  }

  payload() {
    this.issued += 1;
    this.isRevoked = false;
    const expiresAt = new Date(this.clock + LIFETIME).toISOString();
    return { token: `token-${this.issued}`, expiresAt, user: this.person };
  }

  revoke(): void {
    this.isRevoked = true;
  }

  private answer({ query, variables }: GraphQLRequest, headers: Headers): Answer {
    if (query.includes('refreshToken(')) return this.refresh(variables);
    if (query.includes('logout')) {
      this.hasCookie = false;
      this.revoke();
      return { data: { logout: true } };
    }
    if (query.includes('login')) {
      this.hasCookie = true;
      return { data: { login: { ...this.payload(), refreshToken: null } } };
    }
    const isGood = headers.Authorization === `Bearer token-${this.issued}` && !this.isRevoked;
    if (query.includes('viewer')) return { data: { viewer: isGood ? this.person : null } };
    return isGood ? { data: { welcome: 'Welcome' } } : DENIED;
  }

  private refresh(variables: Record<string, unknown> = {}): Answer {
    const input = variables.input as { refreshToken: string } | undefined;
    const isGood = input ? input.refreshToken === this.refreshToken : this.hasCookie;
    if (!isGood) return DENIED;
    this.refreshToken &&= `${this.refreshToken}+`;
    return { data: { refreshToken: { ...this.payload(), refreshToken: this.refreshToken } } };
  }
}

/** A session that talks to a server, and a browser whose clock is an hour ahead. */
export function sessionAt(server: Server) {
  const announced: string[] = [];
  const browser = { ahead: 3_600_000 };
  const session = new Session(server.send, {
    now: () => server.clock + browser.ahead,
    exclusively: (run) => run(),
    announce: () => void announced.push('session'),
  });
  return { session, announced };
}

/** Executes an operation of the user and applies its response to a session. */
export async function execute(session: Session, server: Server, request: GraphQLRequest) {
  const reply = await server.send(request);
  const effect = Operation.read(request)?.effect(reply.answer.data);
  if (effect) await session.apply(effect, reply);
}

export const LOGIN = {
  query: `mutation {
    login(input: {useCookie: true}) {
      token expiresAt refreshToken user { firstName lastName email }
    }
  }`,
};
