package standin

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/sigv4"
)

// testKeyID is the access key that is printed where no file of keys is given.
const testKeyID = "AKIAQUARRYLOCAL00001"

// keyring is who may call: configured keys and tokens, all of them the administrator's, and the temporary keys of
// roles.
type keyring struct {
	first   string            // the configured key that is named first
	secrets map[string]string // by access key id
	bearers map[[sha256.Size]byte]struct{}
	roles   *iamapi.API
}

// openKeys reads the file of keys, or makes the test key where there is none.
func openKeys(file string, roles *iamapi.API) (*keyring, error) {
	k := &keyring{roles: roles, secrets: map[string]string{}, bearers: map[[sha256.Size]byte]struct{}{}}
	if file != "" {
		if err := k.read(file); err != nil {
			return nil, fmt.Errorf("read keys %s: %w", file, err)
		}
		return k, nil
	}
	secret, err := roles.Secret(testKeyID)
	if err != nil {
		return nil, err
	}
	k.first, k.secrets[testKeyID] = testKeyID, secret
	return k, nil
}

// read takes lines "id secret" or "bearer token"; empty lines and those that begin with # say nothing.
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
		case len(fields) != 2:
			return fmt.Errorf("line %d: want \"id secret\" or \"bearer token\"", n)
		case fields[0] == "bearer":
			k.bearers[sha256.Sum256([]byte(fields[1]))] = struct{}{}
		case len(fields[0]) > 128 || strings.Trim(fields[0], keyLetters) != "":
			return fmt.Errorf("line %d: an access key id has up to 128 letters, digits or _", n)
		case k.secrets[fields[0]] != "":
			return fmt.Errorf("line %d: the access key id is listed twice", n)
		default:
			k.secrets[fields[0]] = fields[1]
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

const keyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

// find returns what is known of an access key and who holds it.
func (k *keyring) find(id string) (sigv4.Key, iamapi.Caller, bool) {
	if secret, ok := k.secrets[id]; ok {
		return sigv4.Key{Secret: secret}, iamapi.AdminCaller(), true
	}
	return k.roles.Key(id)
}

// key is find without the holder.
func (k *keyring) key(id string) (sigv4.Key, bool) {
	key, _, ok := k.find(id)
	return key, ok
}

// bearer reports whether a token is configured. Only hashes are compared, so that time tells nothing of a token.
func (k *keyring) bearer(token string) bool {
	_, ok := k.bearers[sha256.Sum256([]byte(token))]
	return ok
}
