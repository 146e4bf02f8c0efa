import { useMutation } from '@apollo/client/react';
import { EmailForm } from '../../../shared/SettingsForms';
import { graphql } from '../__generated__';

const CHANGE_EMAIL = graphql(`
  mutation ChangeEmail($input: ChangeEmailInput!) {
    changeEmail(input: $input) {
      email
    }
  }
`);

export function ChangeEmail() {
  const [change, { data, error, loading }] = useMutation(CHANGE_EMAIL);
  return (
    <EmailForm
      error={error}
      isBusy={loading}
      onSubmit={(input) => void change({ variables: { input } })}
      sentTo={data?.changeEmail.email}
    />
  );
}
