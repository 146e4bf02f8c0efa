import { useQuery } from '@apollo/client/react';
import { ErrorNotice } from '../../../shared/Notice';
import { SettingsSection } from '../../../shared/SettingsSection';
import { graphql } from '../__generated__';
import { ChangeEmail } from './ChangeEmail';
import { ChangeName } from './ChangeName';
import { ChangePassword } from './ChangePassword';
import { DeleteAccount } from './DeleteAccount';

const SETTINGS = graphql(`
  query Settings {
    viewer {
      id
      firstName
      lastName
      hasPassword
    }
    features {
      mail
      passwordMinLength
    }
  }
`);

export function Settings({ onForgotPassword }: { onForgotPassword: () => void }) {
  const { data, error, refetch } = useQuery(SETTINGS);
  if (error) return <ErrorNotice error={error} onRetry={refetch} />;
  if (!data?.viewer) return null;
  return (
    <SettingsSection
      changeEmail={<ChangeEmail />}
      changeName={<ChangeName user={data.viewer} />}
      changePassword={<ChangePassword minLength={data.features.passwordMinLength} />}
      deleteAccount={<DeleteAccount />}
      hasMail={data.features.mail}
      hasPassword={data.viewer.hasPassword}
      onForgotPassword={onForgotPassword}
    />
  );
}
