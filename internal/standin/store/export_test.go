package store

// WaitSwept waits until the sweep that an unclean stop asked for is through.
func (s *Store) WaitSwept() { s.work.Wait() }
