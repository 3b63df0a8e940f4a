#compdef vlb
# Completion of vlb for zsh: source <(vlb completion zsh), behind compinit; or the file _vlb in a directory of fpath.

_vlb() {
  local line word kind=''
  local -a lines options described

  # Each line is a word and, behind a tab, what it means; the first may say what zsh itself should complete.
  lines=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  for line in $lines; do
    word=${${line%%$'\t'*}//:/\\:}
    [[ $line == *$'\t'?* ]] && word+=:${line#*$'\t'}
    case $line in
      :*) kind=$line ;;
      -*) options+=($word) ;;
      *) described+=($word) ;;
    esac
  done

  [[ $PREFIX == --*=* ]] && compset -P '*='
  (($#options)) && _describe -o -V option options
  (($#described)) && _describe -V word described
  case $kind in
    :files) _files ;;
    :directories) _files -/ ;;
  esac
}

if [[ $funcstack[1] == _vlb ]]; then
  _vlb "$@"
else
  compdef _vlb vlb
fi
