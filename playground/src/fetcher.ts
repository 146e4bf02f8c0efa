import { isIntrospection, Operation } from './documents';
import { withTokens } from './mail_links';
import type { Answer, GraphQLRequest, Headers, Reply, Send } from './requests';
import { hasError } from './requests';
import type { Session } from './session';

/** GraphiQL's fetcher: sends the access token, refreshes it, and retries. */

interface Observer<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
}

type SessionPart = Pick<
  Session,
  'headers' | 'renew' | 'apply' | 'noteErrors' | 'undisturbed' | 'snapshot'
>;

const TOKEN_HEADERS = ['authorization', 'x-access-token'];

export function createFetcher(send: Send, session: SessionPart) {
  return (request: GraphQLRequest, options?: { headers?: Headers }) =>
    observed(execute(withTokens(request), options?.headers ?? {}, send, session));
}

async function execute(
  written: GraphQLRequest,
  ownHeaders: Headers,
  send: Send,
  session: SessionPart,
): Promise<Answer> {
  if (isIntrospection(written)) return (await send(written, ownHeaders)).answer;
  const operation = Operation.read(written);
  const request = operation ? { ...written, operationName: operation.name } : written;
  if (carriesToken(ownHeaders)) {
    return learned(operation, await send(request, ownHeaders), session);
  }
  const tokens = operation?.signsIn ? {} : await session.headers();
  const owner = session.snapshot().user?.email;
  const ask = () => send(request, { ...tokens, ...ownHeaders });
  const reply = operation?.signsIn ? await session.undisturbed(ask) : await ask();
  const isDenied = hasError(reply.answer, 'UNAUTHENTICATED');
  const isFinal = !isDenied || operation?.refreshes || operation?.effect(reply.answer.data);
  if (isFinal || !(await session.renew(tokens, owner))) return learned(operation, reply, session);
  const again = await send(request, { ...(await session.headers()), ...ownHeaders });
  return learned(operation, again, session);
}

async function learned(operation: Operation | null, reply: Reply, session: SessionPart) {
  const effect = operation?.effect(reply.answer.data);
  if (effect) await session.apply(effect, reply);
  session.noteErrors(reply.answer, operation?.isLogin ?? false);
  return reply.answer;
}

const carriesToken = (headers: Headers) =>
  Object.keys(headers).some((name) => TOKEN_HEADERS.includes(name.toLowerCase()));

// GraphiQL unsubscribes from an observable when the user stops it or changes tabs, so the response
// does not appear in the wrong tab. It would wait for a promise. The session gets the response in
// either case.
function observed<T>(promise: Promise<T>) {
  return {
    subscribe(observer: Observer<T>) {
      let isOpen = true;
      const unlessClosed = (tell: () => void) => isOpen && tell();
      promise.then(
        (value) =>
          unlessClosed(() => {
            observer.next(value);
            observer.complete();
          }),
        (error: unknown) => unlessClosed(() => observer.error(error)),
      );
      return {
        unsubscribe() {
          isOpen = false;
        },
      };
    },
  };
}
