import { useMutation } from '@apollo/client/react';
import { RequestLinkForm } from '../../../shared/RequestLinkForm';
import { graphql } from '../__generated__';

const REQUEST_SIGN_IN_LINK = graphql(`
  mutation RequestSignInLink($input: RequestSignInLinkInput!) {
    requestSignInLink(input: $input) {
      email
    }
  }
`);

export function SignInLinkPage({ onBack }: { onBack: () => void }) {
  const [request, { data, error, loading }] = useMutation(REQUEST_SIGN_IN_LINK);
  return (
    <RequestLinkForm
      title="Log in by a link"
      error={error}
      isBusy={loading}
      onBack={onBack}
      onSubmit={(input) => void request({ variables: { input } })}
      sentTo={data?.requestSignInLink.email}
    />
  );
}
