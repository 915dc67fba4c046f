package s3api

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// keys tells versitygw the secrets. Every known key is an administrator: what a key may do is decided elsewhere.
type keys struct {
	secret func(string) (string, bool)
	token  func(string) string
	root   string // id and secret of versitygw's root user, which nobody is told
}

// DeriveSigningKey is what versitygw checks signatures with. It asks here first, so that temporary keys work.
func (k keys) DeriveSigningKey(access, sessionToken, date, region, service string) ([]byte, auth.Account, error) {
	secret, ok := k.secret(access)
	if !ok {
		return nil, auth.Account{}, auth.ErrNoSuchUser // S3's InvalidAccessKeyId
	}
	if k.token != nil && subtle.ConstantTimeCompare([]byte(k.token(access)), []byte(sessionToken)) != 1 {
		return nil, auth.Account{}, auth.ErrInvalidSessionToken
	}
	key := []byte("AWS4" + secret)
	for _, part := range []string{date, region, service, "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key, k.account(access), nil
}

func (k keys) account(access string) auth.Account {
	return auth.Account{Access: access, Role: auth.RoleAdmin}
}

func (k keys) GetUserAccount(access string) (auth.Account, error) {
	secret, ok := k.secret(access)
	if !ok {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	acct := k.account(access)
	acct.Secret = secret
	return acct, nil
}

// ResolveAccounts names those that do not exist. A grantee is an account or a canonical user, which are not known here.
func (k keys) ResolveAccounts([]string) ([]string, error) { return nil, nil }

func (k keys) CreateAccount(auth.Account) error { return notServed() }

func (k keys) UpdateUserAccount(string, auth.MutableProps) error { return notServed() }

func (k keys) DeleteUserAccount(string) error { return notServed() }

func (k keys) ListUserAccounts() ([]auth.Account, error) { return nil, notServed() }

func (k keys) Shutdown() error { return nil }

func notServed() error { return s3err.GetAPIError(s3err.ErrNotImplemented) }
