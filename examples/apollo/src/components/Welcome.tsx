import { useQuery } from '@apollo/client/react';
import { graphql } from '../__generated__';
import { ErrorNotice } from './Notice';
import { Section } from './Section';

const WELCOME = graphql(`
  query Welcome {
    welcome
  }
`);

export function Welcome() {
  const { data, previousData, error, loading, refetch } = useQuery(WELCOME);
  return (
    <Section title="Welcome" action="Ask again" isBusy={loading} onAction={refetch}>
      <p className="greeting">{(data ?? previousData)?.welcome}</p>
      {error && <ErrorNotice error={error} onRetry={refetch} />}
    </Section>
  );
}
