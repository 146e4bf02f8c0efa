import { useState } from 'react';
import { graphql, usePaginationFragment } from 'react-relay/hooks';
import { ErrorNotice } from '../../../shared/Notice';
import { Section } from '../../../shared/Section';
import type { Sessions_user$key } from './__generated__/Sessions_user.graphql';
import type { SessionsPageQuery } from './__generated__/SessionsPageQuery.graphql';
import SESSIONS_PAGE from './__generated__/SessionsPageQuery.graphql';
import { SessionItem } from './SessionItem';
import { useReload } from './useReload';

const SESSIONS = graphql`
  fragment Sessions_user on User
  @refetchable(queryName: "SessionsPageQuery")
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 5 }
    after: { type: "String", defaultValue: null }
  ) {
    id
    sessions(first: $first, after: $after) @connection(key: "Sessions_sessions") {
      __id
      edges {
        node {
          id
          ...SessionItem_session
        }
      }
    }
  }
`;

const PAGE_SIZE = 5;

export function Sessions({ user }: { user: Sessions_user$key }) {
  const { data, hasNext, isLoadingNext, loadNext } = usePaginationFragment<
    SessionsPageQuery,
    Sessions_user$key
  >(SESSIONS, user);
  const [pageError, setPageError] = useState<Error | null>(null);
  const { error, isBusy, reload } = useReload<SessionsPageQuery>(SESSIONS_PAGE, { id: data.id });
  const { sessions } = data;
  const loadMore = () => loadNext(PAGE_SIZE, { onComplete: setPageError });
  return (
    <Section title="Sessions" action="Reload" isBusy={isBusy || isLoadingNext} onAction={reload}>
      <ul className="sessions">
        {sessions.edges.map(({ node }) => (
          <SessionItem key={node.id} session={node} connection={sessions.__id} />
        ))}
      </ul>
      {error && <ErrorNotice error={error} onRetry={reload} />}
      {pageError && <ErrorNotice error={pageError} onRetry={loadMore} />}
      {hasNext && (
        <button type="button" onClick={loadMore}>
          Load more
        </button>
      )}
    </Section>
  );
}
