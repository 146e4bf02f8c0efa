import { useQuery } from '@apollo/client/react';
import { ErrorNotice } from '../../../shared/Notice';
import { Section } from '../../../shared/Section';
import { graphql } from '../__generated__';

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
