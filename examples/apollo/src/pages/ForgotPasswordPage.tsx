import { useMutation } from '@apollo/client/react';
import { RequestLinkForm } from '../../../shared/RequestLinkForm';
import { graphql } from '../__generated__';

const REQUEST_PASSWORD_RESET = graphql(`
  mutation RequestPasswordReset($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) {
      email
    }
  }
`);

export function ForgotPasswordPage({ onBack }: { onBack: () => void }) {
  const [request, { data, error, loading }] = useMutation(REQUEST_PASSWORD_RESET);
  return (
    <RequestLinkForm
      title="Reset your password"
      error={error}
      isBusy={loading}
      onBack={onBack}
      onSubmit={(input) => void request({ variables: { input } })}
      sentTo={data?.requestPasswordReset.email}
    />
  );
}
