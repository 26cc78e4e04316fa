//! Small files that only their owner may read (mode 0600), written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// No file of ours is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Why a private file was not written or not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is a file already.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// Others than the owner may open the file.
    #[error("{0} may be opened by others than its owner; set its mode to 0600")]
    LoosePermissions(PathBuf),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes a new file, durably; an existing one is left alone.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = write_temporary(path, bytes)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary).map_err(io_error(&temporary))?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(FileError::Exists(path.to_owned())),
        other => other.map_err(io_error(path)),
    }?;
    sync_folder_of(path)
}

/// Writes a file, durably, in place of an existing one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = write_temporary(path, bytes)?;
    fs::rename(&temporary, path).map_err(io_error(path))?;
    sync_folder_of(path)
}

/// Makes a folder that only its owner may enter; an existing one is left as it is.
pub(super) fn create_folder(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io_error(path))
}

/// Reads a file whoever may open it: for bytes that are sealed.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)).map_err(io_error(path))?;
    Ok(bytes)
}

/// Reads a text that only its owner may open: for bytes that are secret as they lie.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let file = File::open(path).map_err(io_error(path))?;
    if open_to_others(&file).map_err(io_error(path))? {
        return Err(FileError::LoosePermissions(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text).map_err(io_error(path))?;
    Ok(text)
}

/// Writes the bytes beside their place, synced. What an interrupted write left there is removed first.
fn write_temporary(path: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
    let temporary = path.with_added_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&temporary)(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary).map_err(io_error(&temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error(&temporary))?;
    Ok(temporary)
}

/// Makes the new name durable. Elsewhere than on Unix a folder cannot be synced, nor need it be.
fn sync_folder_of(path: &Path) -> Result<(), FileError> {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error(folder))?;
    }
    Ok(())
}

#[cfg(unix)]
fn open_to_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &File) -> io::Result<bool> {
    Ok(false)
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> FileError {
    move |source| FileError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder of its own for one test, removed at its end.
    pub(in crate::crypto) struct Folder(PathBuf);

    impl Folder {
        pub(in crate::crypto) fn new() -> Self {
            let name = crate::crypto::random::<8>().unwrap().map(|byte| format!("{byte:02x}")).concat();
            let path = std::env::temp_dir().join(format!("unefois-{name}"));
            create_folder(&path).unwrap();
            Self(path)
        }

        pub(in crate::crypto) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn create_leaves_an_existing_file_alone() {
        let folder = Folder::new();
        let path = folder.path().join("file");
        create(&path, b"one").unwrap();
        assert!(matches!(create(&path, b"two"), Err(FileError::Exists(_))));
        assert_eq!(read(&path).unwrap(), b"one");
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
    }

    #[test]
    fn what_an_interrupted_write_left_is_no_obstacle() {
        let folder = Folder::new();
        let path = folder.path().join("file");
        fs::write(folder.path().join("file.new"), "half").unwrap();
        create(&path, b"whole").unwrap();
        assert_eq!(read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn others_are_kept_out() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let path = folder.path().join("file");
        create(&path, b"text").unwrap();
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_private(&path).unwrap().as_str(), "text");
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read_private(&path), Err(FileError::LoosePermissions(_))));
        }
    }
}
