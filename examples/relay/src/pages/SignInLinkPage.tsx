import { graphql } from 'react-relay/hooks';
import { RequestLinkForm } from '../../../shared/RequestLinkForm';
import { useAction } from '../components/useAction';
import type { SignInLinkPageMutation } from './__generated__/SignInLinkPageMutation.graphql';

const REQUEST_SIGN_IN_LINK = graphql`
  mutation SignInLinkPageMutation($input: RequestSignInLinkInput!) {
    requestSignInLink(input: $input) {
      email
    }
  }
`;

export function SignInLinkPage({ onBack }: { onBack: () => void }) {
  const { data, error, isBusy, send } = useAction<SignInLinkPageMutation>(REQUEST_SIGN_IN_LINK);
  return (
    <RequestLinkForm
      title="Log in by a link"
      error={error}
      isBusy={isBusy}
      onBack={onBack}
      onSubmit={(input) => send({ input })}
      sentTo={data?.requestSignInLink.email}
    />
  );
}
