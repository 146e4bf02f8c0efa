import { useState } from 'react';
import { graphql, usePaginationFragment } from 'react-relay/hooks';
import type { Sessions_query$key } from './__generated__/Sessions_query.graphql';
import type { SessionsPageQuery } from './__generated__/SessionsPageQuery.graphql';
import SESSIONS_PAGE from './__generated__/SessionsPageQuery.graphql';
import { ErrorNotice } from './Notice';
import { Section } from './Section';
import { SessionItem } from './SessionItem';
import { useReload } from './useReload';

// On `Query` instead of `User`, so that Relay pages through `viewer`: through `node` a request with
// an expired access token could not be told from one for something that is not there.
const SESSIONS = graphql`
  fragment Sessions_query on Query
  @refetchable(queryName: "SessionsPageQuery")
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 5 }
    after: { type: "String", defaultValue: null }
  ) {
    viewer {
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
  }
`;

const PAGE_SIZE = 5;

export function Sessions({ query }: { query: Sessions_query$key }) {
  const { data, hasNext, isLoadingNext, loadNext } = usePaginationFragment<
    SessionsPageQuery,
    Sessions_query$key
  >(SESSIONS, query);
  const [pageError, setPageError] = useState<Error | null>(null);
  const { error, isBusy, reload } = useReload<SessionsPageQuery>(SESSIONS_PAGE, {});
  const sessions = data.viewer?.sessions;
  const loadMore = () => loadNext(PAGE_SIZE, { onComplete: setPageError });
  return (
    <Section title="Sessions" action="Reload" isBusy={isBusy || isLoadingNext} onAction={reload}>
      <ul className="sessions">
        {sessions?.edges.map(({ node }) => (
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
