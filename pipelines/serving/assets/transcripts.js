// Pairs the dropped files: recordings with their transcripts.
const lower = (text) => text.toLowerCase();

function suffixIn(name, suffixes) {
  return suffixes.find((suffix) => lower(name).endsWith(lower(suffix)));
}

const without = (name, suffix) => lower(name.slice(0, name.length - suffix.length));

function stem(name) {
  const dot = name.lastIndexOf(".");
  return lower(dot > 0 ? name.slice(0, dot) : name);
}

// A transcript belongs to the recording of the same name, or to the only recording.
export function pairTranscripts(files, suffixes) {
  const withSuffix = files.map((file) => [file, suffixIn(file.name, suffixes.transcripts)]);
  const transcripts = withSuffix.filter(([, suffix]) => suffix);
  const recordings = withSuffix.filter(([, suffix]) => !suffix).map(([file]) => ({ file, transcript: null }));
  const problems = [];
  for (const [file, suffix] of transcripts) {
    const owner = recordings.find((recording) => stem(recording.file.name) === without(file.name, suffix))
      || (recordings.length === 1 && transcripts.length === 1 ? recordings[0] : null);
    if (!owner) problems.push(`${file.name}: a transcript; drop it together with its recording of the same name.`);
    else if (owner.transcript) problems.push(`${file.name}: ${owner.file.name} has a transcript already, ${owner.transcript.name}.`);
    else owner.transcript = file;
  }
  return { recordings, problems };
}
