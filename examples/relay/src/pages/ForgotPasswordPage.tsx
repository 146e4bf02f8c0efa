import { graphql } from 'react-relay/hooks';
import { RequestLinkForm } from '../../../shared/RequestLinkForm';
import { useAction } from '../components/useAction';
import type { ForgotPasswordPageMutation } from './__generated__/ForgotPasswordPageMutation.graphql';

const REQUEST_PASSWORD_RESET = graphql`
  mutation ForgotPasswordPageMutation($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) {
      email
    }
  }
`;

export function ForgotPasswordPage({ onBack }: { onBack: () => void }) {
  const { data, error, isBusy, send } =
    useAction<ForgotPasswordPageMutation>(REQUEST_PASSWORD_RESET);
  return (
    <RequestLinkForm
      title="Reset your password"
      error={error}
      isBusy={isBusy}
      onBack={onBack}
      onSubmit={(input) => send({ input })}
      sentTo={data?.requestPasswordReset.email}
    />
  );
}
