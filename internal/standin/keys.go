package standin

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"quarry/internal/standin/iamapi"
)

// testKeyID is the access key that is printed where no file of keys is given.
const testKeyID = "AKIAQUARRYLOCAL00001"

// keyring is who may call: configured keys and tokens, each the administrator's of its account, and the temporary keys of
// roles.
type keyring struct {
	fromFile bool
	first    string                       // the configured key that is named first
	keys     map[string]longKey           // by access key id
	bearers  map[[sha256.Size]byte]string // account, by the hash of the token
}

// longKey is a configured key.
type longKey struct{ secret, account string }

// readKeys reads the file of keys. Without one, the key is that of the tests, whose secret is not known yet.
func readKeys(file string) (*keyring, error) {
	k := &keyring{fromFile: file != "", keys: map[string]longKey{}, bearers: map[[sha256.Size]byte]string{}}
	if file == "" {
		k.first, k.keys[testKeyID] = testKeyID, longKey{account: iamapi.DefaultAccount}
		return k, nil
	}
	if err := k.read(file); err != nil {
		return nil, fmt.Errorf("read keys %s: %w", file, err)
	}
	return k, nil
}

// keyOf is the id of the key that an account of Config.Accounts gets.
func keyOf(account string) string { return "AKIAQLOC" + account }

func (k *keyring) add(accounts []string) {
	for _, account := range accounts {
		k.keys[keyOf(account)] = longKey{rand.Text() + rand.Text(), account}
	}
}

// keepSecret takes the secret of the tests' key from its account, which keeps it for as long as the directory exists; a directory that
// was emptied since gets the same one.
func (k *keyring) keepSecret(roles iamapi.Accounts) error {
	key, ok := k.keys[testKeyID]
	if !ok || k.fromFile {
		return nil
	}
	secret, err := roles[key.account].Secret(testKeyID, key.secret)
	if err == nil && secret != key.secret {
		k.keys[testKeyID] = longKey{secret, key.account}
	}
	return err
}

// accounts are those of all keys and tokens, in order.
func (k *keyring) accounts() []string {
	known := map[string]bool{}
	for _, key := range k.keys {
		known[key.account] = true
	}
	for _, account := range k.bearers {
		known[account] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// operator is the account of the first key: it runs the server.
func (k *keyring) operator() string { return k.keys[k.first].account }

// read takes lines "id secret [account]" or "bearer token [account]"; empty lines and those that begin with # say nothing.
func (k *keyring) read(file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// Windows has no such bits; there the folder's rights must do.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others may read it (mode %04o); run: chmod 600 %s", info.Mode().Perm(), file)
	}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0 || strings.HasPrefix(fields[0], "#"):
		case len(fields) != 2 && len(fields) != 3:
			return fmt.Errorf("line %d: want \"id secret [account]\" or \"bearer token [account]\"", n)
		case len(fields) == 3 && !isAccount(fields[2]):
			return fmt.Errorf("line %d: account %q: want 12 digits", n, fields[2])
		case fields[0] == "bearer":
			k.bearers[sha256.Sum256([]byte(fields[1]))] = accountIn(fields)
		case len(fields[0]) > 128 || strings.Trim(fields[0], keyLetters) != "":
			return fmt.Errorf("line %d: an access key id has up to 128 letters, digits or _", n)
		case k.keys[fields[0]] != (longKey{}):
			return fmt.Errorf("line %d: the access key id is listed twice", n)
		default:
			k.keys[fields[0]] = longKey{fields[1], accountIn(fields)}
			if k.first == "" {
				k.first = fields[0]
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if k.first == "" {
		return errors.New("it holds no line \"id secret\"")
	}
	return nil
}

// accountIn is the account of a line's key.
func accountIn(fields []string) string {
	if len(fields) == 3 {
		return fields[2]
	}
	return iamapi.DefaultAccount
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

const keyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

// bearer gives the account of a token; ok is false for one that is not configured. Only hashes are compared, so that time tells
// nothing of a token.
func (k *keyring) bearer(token string) (account string, ok bool) {
	account, ok = k.bearers[sha256.Sum256([]byte(token))]
	return account, ok
}
