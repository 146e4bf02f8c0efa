import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { from, of, switchMap } from 'rxjs';
import { isUnauthenticated } from '../../shared/errors';
import { authorization, currentSession, renew, url } from '../../shared/session';

function send(operation: ApolloLink.Operation, forward: ApolloLink.ForwardFunction) {
  operation.setContext({ headers: authorization() });
  return forward(operation);
}

const sessionLink = new ApolloLink((operation, forward) => {
  const session = currentSession();
  return send(operation, forward).pipe(
    switchMap((result) =>
      isUnauthenticated(result)
        ? from(renew(session)).pipe(
            switchMap((isRenewed) => (isRenewed ? send(operation, forward) : of(result))),
          )
        : of(result),
    ),
  );
});

const httpLink = new HttpLink({ uri: url, credentials: 'include' });

export function createClient() {
  return new ApolloClient({
    link: ApolloLink.from([sessionLink, httpLink]),
    cache: new InMemoryCache({
      typePolicies: {
        // It has no id, and not all queries ask for all of its fields.
        Features: { merge: true },
        User: { fields: { sessions: relayStylePagination() } },
      },
    }),
  });
}
