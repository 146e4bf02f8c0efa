import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { ErrorNotice } from '../../../shared/Notice';
import { Section } from '../../../shared/Section';
import { graphql } from '../__generated__';
import { SessionItem } from './SessionItem';

const SESSIONS = graphql(`
  query Sessions($first: Int!, $after: String) {
    viewer {
      id
      sessions(first: $first, after: $after) {
        edges {
          node {
            id
            ...SessionItem
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

const PAGE_SIZE = 5;

export function Sessions() {
  const { data, previousData, error, loading, refetch, fetchMore } = useQuery(SESSIONS, {
    variables: { first: PAGE_SIZE },
  });
  const [pageError, setPageError] = useState<Error | null>(null);
  const sessions = (data ?? previousData)?.viewer?.sessions;
  const loadMore = () =>
    fetchMore({ variables: { after: sessions?.pageInfo.endCursor } }).then(
      () => setPageError(null),
      setPageError,
    );
  return (
    <Section title="Sessions" action="Reload" isBusy={loading} onAction={refetch}>
      <ul className="sessions">
        {sessions?.edges.map(({ node }) => (
          <SessionItem key={node.id} session={node} />
        ))}
      </ul>
      {error && <ErrorNotice error={error} onRetry={refetch} />}
      {pageError && <ErrorNotice error={pageError} onRetry={loadMore} />}
      {sessions?.pageInfo.hasNextPage && (
        <button type="button" onClick={loadMore}>
          Load more
        </button>
      )}
    </Section>
  );
}
